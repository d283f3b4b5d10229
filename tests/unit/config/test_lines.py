"""Which line of a TOML file sets a key."""

from hydra.config.lines import key_lines, line_of

TEXT = """\
# a comment = nothing
data_dir = "books" # here
gateway.host = "localhost"

[limits.instruments.ZO] # oats
order_lots = 3

[limits.account]
messages_second = { reject = 3, halt = 4 }

[[maintenance.windows]]
start = 23:45:00
"quoted key" = 1
"""


def test_each_key_has_its_line_and_an_inline_one_its_tables() -> None:
    lines = key_lines(TEXT)
    told = {
        ("data_dir",): 2,
        ("gateway", "host"): 3,
        ("limits", "instruments", "ZO"): 5,
        ("limits", "instruments", "ZO", "order_lots"): 6,
        ("limits", "account", "messages_second", "reject"): 9,
        ("maintenance", "windows", "0", "start"): 11,
        ("maintenance", "windows", "quoted key"): 13,
        ("nowhere",): None,
    }
    assert {path: line_of(lines, path) for path in told} == told
