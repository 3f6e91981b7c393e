"""`bounceml models`: the user's own models, and which of them is in force."""

from pathlib import Path
from typing import Any

from bounceml.classifier import Classifier, load, model_in_force
from bounceml.config import find_config
from bounceml.errors import ModelFileError
from bounceml.home import find_home
from bounceml.modelfile import default_model, open_model
from bounceml_cli.exits import Exit, complain, json_line, printable
from bounceml_training.model_store import adopt, find_model, newest_model, promote, roll_back, stored_models

BUILTIN = "builtin"
_NAME = 32


def show_all(*, json: bool) -> Exit:
    """Print the models of the folder and the shipped one."""
    home = find_home()
    models = stored_models(home)
    entries: list[dict[str, Any]] = [
        {"name": BUILTIN, "in_force": not any(each.is_promoted for each in models), **_facts(default_model())}
    ]
    for each in models:
        facts = {"error": each.error} if each.model is None else _facts(each.path)
        entries.append({"name": each.name, "in_force": each.is_promoted, **facts})
    if json:
        print(json_line(entries))
        return Exit.DONE
    complain(f"models in {home.models}")
    print(f"  {'name':<{_NAME}} {'texts':>8} {'yours':>7} {'held out':>9} {'accuracy':>9}")
    for entry in entries:
        star = "*" if entry["in_force"] else " "
        if "error" in entry:
            print(f"{star} {printable(entry['name']):<{_NAME}} {printable(entry['error'])}")
        else:
            print(
                f"{star} {printable(entry['name']):<{_NAME}} {entry['texts']:>8,} {entry['own_rows']:>7,} "
                f"{entry['held_out']:>9,} {entry['accuracy']:>9.3f}"
            )
    return Exit.DONE


def show_one(name: str, *, json: bool) -> Exit:
    """Print where a model comes from."""
    path = default_model() if name == BUILTIN else find_model(find_home(), name)
    header = open_model(path).header
    if json:
        print(json_line({"file": str(path), "version": header["version"], **header["manifest"]}))
        return Exit.DONE
    facts = _facts(path)
    print(f"file        {printable(str(path))}")
    print(f"version     {printable(header['version'])}")
    print(f"trained on  {facts['texts']:,} texts, {facts['own_rows']:,} of them yours")
    print(f"judged by   {facts['held_out']:,} texts of yours that were held out")
    print(f"classes     {printable(', '.join(header['classes']))}")
    for part in ("held_out_templates", "held_out_families"):
        accuracy, ece = (_number(header["manifest"], "scores", part, key) for key in ("accuracy", "ece"))
        print(f"{part}: accuracy {accuracy:.3f}, calibration error {ece:.3f}")
    return Exit.DONE


def run_promote(name: str | None, *, force: bool, config: Path | None) -> Exit:
    """Put a model in force if it isn't worse than the present one, or if it is forced."""
    home, config = find_home(), config or find_config()
    if name == BUILTIN:
        raise ModelFileError("the shipped model is in force where no other is: bounceml models rollback")
    path = find_model(home, name) if name else newest_model(home)
    challenger = load(path, config=config)
    try:
        champion = load(model_in_force(), config=config)
    except ModelFileError as error:
        complain(f"nothing to compare with: {error}")
    else:
        if not _is_fit(challenger, champion=champion) and not force:
            complain("not promoted: it does worse than the model in force by more than chance; --force promotes it")
            return Exit.FAILED
    stored = adopt(home, path)
    promote(home, stored)
    print(f"{printable(stored)} is in force")
    return Exit.DONE


def run_rollback() -> Exit:
    """Put the model in force that was before."""
    name = roll_back(find_home())
    print(f"{name or 'the model that ships with bounceml'} is in force")
    return Exit.DONE


def _is_fit(challenger: Classifier, *, champion: Classifier) -> bool:
    from bounceml_cli.evaluate import comparison_lines
    from bounceml_training.promotion import check_promotion

    checks = check_promotion(challenger, champion=champion)
    for check in checks:
        print(f"on {check.rows} ({check.texts:,} texts), against the model in force:")
        print("\n".join(f"  {line}" for line in comparison_lines(check.comparison)))
    if not checks:
        complain("it has no held-out rows to be judged by")
    return all(check.is_passed for check in checks)


def _facts(path: Path) -> dict[str, Any]:
    model = open_model(path)
    manifest = model.header["manifest"]
    return {
        "texts": int(_number(manifest, "rows")),
        "own_rows": int(_number(manifest, "own_rows")),
        "held_out": bytes(model.held_out).count(b"\n"),
        "accuracy": _number(manifest, "scores", "held_out_templates", "accuracy"),
    }


def _number(entry: object, *keys: str) -> float:
    """A number of a manifest, which anybody may have written; 0 where there is none."""
    for key in keys:
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry if isinstance(entry, int | float) and abs(entry) < 1e9 else 0
