"""Who listens where, as the kernel says it."""

import os
import socket

from hydra.diagnosis.listeners import listeners, on_ports


def test_a_listening_socket_is_found_with_its_process_and_whether_strangers_reach_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as inside, socket.create_server(("0.0.0.0", 0)) as outside:
        ports = [inside.getsockname()[1], outside.getsockname()[1]]
        found = {one.port: one for one in on_ports(listeners(), ports)}
    assert [found[port].pid for port in ports] == [os.getpid()] * 2
    assert [found[port].is_open for port in ports] == [False, True]
    assert str(found[ports[0]]).startswith(f"127.0.0.1:{ports[0]} ")


def test_the_sixth_protocol_is_read_too() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        port = server.getsockname()[1]
        (found,) = on_ports(listeners(), [port])
    assert (found.address, found.is_open) == ("::1", False)


def test_a_connection_is_no_listener() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert on_ports(listeners(), [client.getsockname()[1]]) == []
