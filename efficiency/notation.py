"""One table for symbol, name in code, unit and axis label; docstrings and figures take from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A quantity and how it is written.

    Attributes:
        symbol: As in the paper.
        name: In code and in histories.
        unit: ``"1"`` for a fraction or a ratio.
        label: For an axis, without the unit.
    """

    symbol: str
    name: str
    unit: str
    label: str

    @property
    def axis_label(self) -> str:
        """The label with symbol and unit, for an axis."""
        unit = "" if self.unit == "1" else f" ({self.unit})"
        symbol = f" {self.symbol}" if self.symbol else ""
        return f"{self.label}{symbol}{unit}"

    @property
    def final_label(self) -> str:
        """The label of its value at the end of training."""
        return f"Final {self.label[0].lower()}{self.axis_label[1:]}"


NOTATION: dict[str, Quantity] = {
    quantity.name: quantity
    for quantity in (
        Quantity("N", "num_pairs", "pairs", "Size of the table"),
        Quantity("D", "dataset_size", "examples", "Dataset size"),
        Quantity("D′", "reduced_dataset_size", "examples", "Reduced dataset size"),
        Quantity("", "threshold", "examples", "Threshold of ungrokking"),
        Quantity("λ", "weight_decay", "1", "Weight decay"),
        Quantity("η", "learning_rate", "1", "Learning rate"),
        Quantity("", "step", "steps", "Training time"),
        Quantity("", "step_generalised", "steps", "Time to generalise"),
        Quantity("p", "modulus", "1", "Modulus"),
        Quantity("", "fraction", "%", "Part of the table trained on"),
        Quantity("k", "num_corrupted", "examples", "Wrong answers"),
        Quantity("D_crit", "critical_size", "examples", "Critical size"),
        Quantity("", "midpoint", "examples", "Midpoint of ungrokking"),
        Quantity("P(D; ŝ)", "isologit_norm", "1", "Isologit norm"),
        Quantity("φ", "sharpness", "1", "Sharpness"),
        Quantity("", "loss", "nats", "Loss"),
        Quantity("", "accuracy", "1", "Accuracy"),
        Quantity("", "correct_logit", "nats", "Correct logit"),
        Quantity("‖θ‖₂", "norm", "1", "Parameter norm"),
        Quantity("", "train_loss", "nats", "Training loss"),
        Quantity("", "train_loss_peak", "nats", "Largest training loss since the last record"),
        Quantity("", "test_loss", "nats", "Test loss"),
        Quantity("", "train_accuracy", "1", "Training accuracy"),
        Quantity("", "test_accuracy", "1", "Test accuracy"),
        Quantity("", "novel_accuracy", "1", "Accuracy on novel pairs"),
        Quantity("", "removed_accuracy", "1", "Accuracy on removed examples"),
        Quantity("", "never_seen_accuracy", "1", "Accuracy on never-seen examples"),
        Quantity("s", "log_odds", "nats", "Log-odds"),
        Quantity("", "margin", "nats", "Margin"),
        Quantity("", "centred_logit", "nats", "Centred correct logit"),
        Quantity("", "novel_log_odds", "nats", "Log-odds on novel pairs"),
        Quantity("", "novel_centred_logit", "nats", "Centred correct logit on novel pairs"),
    )
}
