"""Bicep files parse, say what they are for, and describe whatever they ask for and give."""

import re

import pytest

from tests.infra.bicep import FILES, INFRA, PARAMETER_FILES, ROOT, File, at, properties, walk

LISTED = re.compile(r"^\| `(Microsoft\.[^`@]+)` \| `([^`]+)` \|", re.MULTILINE)


@pytest.mark.parametrize("name", FILES + PARAMETER_FILES)
def test_a_file_parses(name: str) -> None:
    assert File(name).errors() == []


def test_a_broken_file_is_found_with_its_line() -> None:
    broken = File("some.bicep", "param a string\nresource b 'A/b@1' = {\n  name: \n}\n")

    assert broken.errors()[0].startswith("some.bicep:3:")


@pytest.mark.parametrize("name", FILES)
def test_a_file_says_what_it_is_for(name: str) -> None:
    assert re.match(r"metadata description = '\S.*\.'\n", File(name).text)


@pytest.mark.parametrize("name", FILES)
def test_parameters_and_outputs_are_described(name: str) -> None:
    bare = [
        each.name
        for each in File(name).declarations
        if each.kind in ("parameter", "output")
        and not any(text.startswith("description(") for text in each.decorators)
    ]

    assert bare == []


@pytest.mark.parametrize("name", FILES)
def test_whatever_is_declared_is_used(name: str) -> None:
    file = File(name)
    unused = [
        each.name
        for each in file.declarations
        if each.kind in ("parameter", "variable")
        and len(re.findall(rf"\b{each.name}\b", _code_of(file))) < 2
    ]

    assert unused == []


def _code_of(file: File) -> str:
    return re.sub(r"(?m)^\s*//.*$|^@description.*$|^metadata.*$", "", file.text)


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_short_enough_to_read(name: str) -> None:
    assert len(File(name).text.splitlines()) <= 300


@pytest.mark.parametrize("name", FILES)
def test_a_module_gets_exactly_the_parameters_that_it_has(name: str) -> None:
    file = File(name)
    for module in file.of("module").values():
        known = File(f"infra/{module.text}").of("parameter")
        body = next(each for each in walk(module.value) if each.type == "object")
        given = set(properties(at(body, "params")))
        needed = {each.name for each in known.values() if each.value is None}

        assert given <= set(known), module.name
        assert needed <= given, module.name


def test_every_module_is_composed_by_main() -> None:
    composed = {module.text for module in File("infra/main.bicep").of("module").values()}

    assert composed == {f"modules/{path.name}" for path in (INFRA / "modules").glob("*.bicep")}


def test_main_only_composes() -> None:
    assert File("infra/main.bicep").resources == ()


@pytest.mark.parametrize("name", FILES)
def test_outputs_of_a_module_exist(name: str) -> None:
    file = File(name)
    for module, output in re.findall(r"\b(\w+)!?\.outputs\.(\w+)", file.text):
        source = file.of("module")[module].text

        assert output in File(f"infra/{source}").of("output"), f"{module}.{output}"


@pytest.mark.parametrize("name", PARAMETER_FILES)
def test_parameter_files_set_parameters_that_exist(name: str) -> None:
    target = re.match(r"using '([^']+)'", File(name).text)

    assert target is not None
    assert set(File(name).of("variable")) <= set(File(f"infra/{target[1]}").of("parameter"))


def test_api_versions_are_listed_in_the_readme() -> None:
    listed = dict(LISTED.findall((ROOT / "infra" / "README.md").read_text("utf-8")))
    used: dict[str, str] = {}
    for file in map(File, FILES):
        for resource in file.resources:
            kind, _, version = resource.type_name.partition("@")
            used.setdefault(kind, version)

            assert used[kind] == version, f"two versions of {kind}"

    assert listed == used
