"""HY-3xx: the broker connection."""

from typing import Final

from hydra.domain.catalogue.entry import BAD_INPUT, COULD_NOT_RUN, Entry

ENTRIES: Final[dict[str, Entry]] = {
    "HY-301": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: nothing listens there: {problem}",
        "start the gateway, or correct gateway.host and gateway.port",
    ),
    "HY-302": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: no connection within {seconds} s",
        "check the address, the route and the firewall",
    ),
    "HY-303": Entry(
        COULD_NOT_RUN,
        "{host}:{port} accepts connections but does not answer the TWS handshake: {problem}",
        "check that it is a gateway's API port, that the API is enabled and that no dialog is open",
    ),
    "HY-304": Entry(
        COULD_NOT_RUN,
        "{host}:{port} answered the handshake but did not open the session: {problem}",
        "check that the gateway is logged in and trusts this address",
    ),
    "HY-305": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: client id {client_id} is already in use (326)",
        "stop the other holder; a half-dead connection frees the id by itself, the id is never changed",
    ),
    "HY-306": Entry(
        COULD_NOT_RUN,
        "{host}:{port}: connected, but the books were not told: {problem}",
        "try again; if it stays so, restart the gateway",
    ),
    "HY-307": Entry(
        BAD_INPUT,
        "{host}:{port} serves account {account}, which is no {mode} account",
        "paper accounts begin with DU: correct trading.mode, or connect to the other gateway",
    ),
    "HY-308": Entry(
        BAD_INPUT,
        "{host}:{port} does not serve account {account}, but {known}",
        "correct gateway.account",
    ),
    "HY-309": Entry(
        BAD_INPUT,
        "{host}:{port} serves several accounts: {known}",
        "name one: gateway.account",
    ),
    "HY-311": Entry(
        COULD_NOT_RUN, "not connected to the gateway: {problem}", "wait for the connection and repeat"
    ),
}
