"""HY-7xx."""

from subprocess import CompletedProcess

from tests.provocations import Scene, provokes


@provokes("HY-701")
def a_limit_of_zero(scene: Scene) -> CompletedProcess[str]:
    scene.file("hydra.toml", "[limits.instruments.ZO]\norder_lots = 0\n")
    return scene.hydra("config", "show")


@provokes("HY-702")
def a_breaker_nobody_acknowledges(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("trading", "ack", "drawdown", "--by", " ")
