"""Who works what on which client id."""

from hydra.domain.roles import Duty, Role, client_id_of, queues_of, sender_ids, shard_of, worker_name

SYMBOLS = ("ZO", "HE", "LE", "GF", "ZR", "OJ")


def test_every_process_has_a_client_id_of_its_own() -> None:
    ids = [client_id_of(1, role) for role in Role]
    ids += [5]  # the command line's readings
    ids += sender_ids(1, 80)
    assert sender_ids(1, 0) == (1,)
    assert ids[:6] == [1, 2, 3, 4, 5, 11]
    assert len(set(ids)) == len(ids)


def test_a_symbol_belongs_to_exactly_one_shard_and_always_to_the_same() -> None:
    for shards in (1, 2, 3, 7):
        for symbol in SYMBOLS:
            owners = [one for one in range(1, shards + 1) if Duty(shard=one, shards=shards).works(symbol)]
            assert owners == [shard_of(symbol, shards)]
    assert [shard_of(symbol, 2) for symbol in SYMBOLS] == [1, 2, 2, 1, 2, 2]
    assert all(Duty().works(symbol) for symbol in SYMBOLS)


def test_only_execution_sends_and_takes_what_names_no_queue() -> None:
    assert [role for role in Role if Duty(role).sends] == [Role.EXECUTION]
    assert queues_of(Role.EXECUTION) == ("execution", "default")
    assert queues_of(Role.DATA) == ("data",)
    assert queues_of(Role.EXECUTION, 2) == ("execution-2", "execution", "default")
    assert worker_name(Role.EXECUTION, 2) == "hydra-execution-2"
