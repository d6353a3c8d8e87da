from cached_models.build import FOLDER, MODELS
from mnist_core.runs.bundle import bundle_run
from mnist_core.shipped import OWNER, import_shipped

DIGITS = next(model for model in MODELS if model.name == "softmax-on-digits")
NUMBERS = ("loss", "accuracy", "val_loss", "val_accuracy", "train_eval_loss", "train_eval_accuracy", "penalty")


def test_the_digits_model_can_be_trained_again(lab):
    """Bit for bit where machine, versions and threads are those that are recorded, else within its interval."""
    import_shipped(lab.archive, FOLDER, lab.settings.home)
    shipped = lab.run(DIGITS.name)
    again = lab.train(shipped.spec)
    assert shipped.record.owner == OWNER
    assert again.record.digest == shipped.record.digest == bundle_run(DIGITS.file).digest
    before, after = shipped.record.result["test"], again.record.result["test"]
    low, high = before["interval"]
    assert low <= after["accuracy"] <= high
    circumstances = [(run.facts.machine, run.facts.versions, run.facts.threads) for run in (shipped, again)]
    if circumstances[0] == circumstances[1]:
        assert after == before
        assert numbers(again) == numbers(shipped)


def numbers(run) -> list[list[float]]:
    return [[epoch.metrics[name] for name in NUMBERS] for epoch in run.epochs]
