"""`bounceml export`: the model as a scikit-learn classifier."""

from pathlib import Path

from bounceml.modelfile import default_model, open_model
from bounceml.paths import check_outputs
from bounceml_cli.exits import Exit, printable
from bounceml_training.sklearn_export import export_joblib


def run(*, output: Path, model: Path | None) -> Exit:
    """Write the model as a joblib file."""
    model = model or default_model()
    check_outputs([output], inputs=[model])
    export_joblib(open_model(model), path=output)
    print(f"{printable(str(output))}: a scikit-learn classifier for joblib.load; load only files you trust")
    return Exit.DONE
