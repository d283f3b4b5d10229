"""HY-0xx."""

from subprocess import CompletedProcess

from tests.provocations import Scene, provokes


@provokes("HY-000")
def a_defect(scene: Scene) -> CompletedProcess[str]:
    """A command whose module is broken, run through the real entry point."""
    package = scene.here / "broken"
    package.mkdir()
    (package / "wrecked.py").write_text("1 / 0\n")
    return scene.python(
        "import sys, hydra.cli, hydra.cli.app as root\n"
        f"hydra.cli.__path__.append({str(package)!r})\n"
        "root.COMMANDS['wrecked'] = root.LateCommand('wrecked', 'Try', 'Broken on purpose.')\n"
        "sys.argv = ['hydra', 'wrecked']\n"
        "hydra.cli.main()\n"
    )


@provokes("HY-001")
def a_misspelt_command(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("confg", "show")


@provokes("HY-001")
def a_misspelt_sub_command(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "shw")


@provokes("HY-002")
def a_misspelt_option(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "show", "--jsn")


@provokes("HY-003")
def no_command(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra()


@provokes("HY-003")
def no_sub_command(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config")


@provokes("HY-004")
def an_assignment_without_value(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("--set", "gateway.port", "config", "show")


@provokes("HY-005")
def an_argument_too_many(scene: Scene) -> CompletedProcess[str]:
    return scene.hydra("config", "show", "everything")


@provokes("HY-006")
def a_table_for_a_disk_that_is_full(scene: Scene) -> CompletedProcess[str]:
    return scene.python(
        "import sys, hydra.cli\n"
        "sys.stdout = open('/dev/full', 'w')\n"
        "sys.argv = ['hydra', 'config', 'show', '--json']\n"
        "hydra.cli.main()\n"
    )


@provokes("HY-006")
def a_demo_without_a_folder_to_write_to(scene: Scene) -> CompletedProcess[str]:
    (scene.here / "data").mkdir()
    scene.file("data/demo", "a file")
    return scene.hydra("demo")
