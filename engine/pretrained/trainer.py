"""The model on its way from seeded weights to trained ones, and how it is put down and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor
from torch.nn.functional import nll_loss
from torch.optim import Adam
from torch.optim.lr_scheduler import LambdaLR
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from engine.config import TRAINED
from engine.model.transformer import Transformer
from engine.model.weights import build
from engine.pretrained import training_data
from engine.pretrained.dates import HELD_OUT_OF, SEED, TRAIN_FORMATS
from engine.pretrained.pretrained import trained_config
from engine.pretrained.safetensors_io import load, save, weights_error
from engine.text.char_tokenizer import CHARACTERS
from engine.text.tokenizer import PAD

BATCH = 128
WARM_UP = 2000  # steps in which the learning rate rises
AVERAGING = 0.998  # of the running average of the weights, which is what is kept: the mean of about the last 500 steps
CLOSING_STEPS = 1500  # of the third part of training, in which the learning rate falls
CLOSING_RATE = 0.05  # what is left of it then
# In the first part of training, and after it. Sums are rounded in another order by another number.
THREADS, ODD_THREADS = 2, 1

# What a checkpoint holds, by the names that torch gives to Adam's running means of the gradients and their squares.
_WEIGHTS, _AVERAGE, _MOMENTS = "model", "average", ("exp_avg", "exp_avg_sq")

CPU = torch.device("cpu")  # where the same seeds give the same weights again


def recipe() -> dict[str, Any]:
    """Everything that decides what the weights become, but the number of steps."""
    return {
        "sizes": dict(TRAINED),
        "characters": CHARACTERS,
        "forms": [form.template for form in TRAIN_FORMATS],
        "seed": SEED,
        "batch": BATCH,
        "warm_up": WARM_UP,
        "averaging": AVERAGING,
        "threads": THREADS,
        "held_out_of": HELD_OUT_OF,
        "unreadable_share": training_data.UNREADABLE_SHARE,
        "impossible_share": training_data.IMPOSSIBLE_SHARE,
        "cut_share": training_data.CUT_SHARE,
        "no_date_share": training_data.NO_DATE_SHARE,
        "everyday_steps": training_data.EVERYDAY_STEPS,
        "odd_threads": ODD_THREADS,
        "odd_shares": training_data.ODD_SHARES,
        "closing_step": training_data.CLOSING_STEP,
        "closing_shares": training_data.CLOSING_SHARES,
        "closing_century_share": training_data.CENTURY_SHARE,
        "closing_steps": CLOSING_STEPS,
        "closing_rate": CLOSING_RATE,
    }


class Training:
    """Adam with the paper's learning rate (section 5.3), one batch of lessons a step, on the CPU.

    The second part, on odd dates, begins with the average that the first one reached, and with a new optimiser; in the
    third one the learning rate falls.
    Nothing is drawn at random but the first weights and the lessons, which follow from the seed and the step: the
    weights, their average, the optimiser and the step are the whole state.
    """

    def __init__(self) -> None:
        self.step = 0
        config = trained_config(weights="random", seed=SEED, device="cpu")
        self._model = build(config, PAD, CPU).requires_grad_(True)
        self._average = AveragedModel(self._model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
        self._begin_part(0)

    def _begin_part(self, first: int) -> None:
        """A new optimiser, for the steps from the first one of a part of training."""
        rate = self._model.projection.in_features**-0.5
        self._first = first
        self._optimiser = Adam(self._model.parameters(), lr=rate, betas=(0.9, 0.98), eps=1e-9)
        self._schedule = LambdaLR(self._optimiser, lambda step: _rise_and_decay(first + step))

    @property
    def model(self) -> Transformer:
        """The running average of the weights."""
        return cast(Transformer, self._average.module)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedule.get_last_lr()[0])

    @property
    def threads(self) -> int:
        """On how many threads the next step is to be computed."""
        return THREADS if self.step < training_data.EVERYDAY_STEPS else ODD_THREADS

    def learn(self) -> float:
        """One step; returns its loss, the mean of −ln p over the characters of the answers."""
        if self.step == training_data.EVERYDAY_STEPS and self._first == 0:
            # What was learned from everyday dates is the average; from there it goes on with the odd ones.
            self._model.load_state_dict(self.model.state_dict())
            self._begin_part(self.step)
        source, inputs, expected = training_data.tensors(training_data.lessons(self.step, BATCH), CPU)
        loss = nll_loss(self._model(source, inputs).flatten(0, 1), expected.flatten())
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._schedule.step()
        self._average.update_parameters(self._model)
        self.step += 1
        return loss.item()

    def save(self, file: Path) -> None:
        """Puts the training down after a step, so that ``resume`` goes on as if nothing had been; raises OSError."""
        moments = self._optimiser.state
        held = {
            _WEIGHTS: dict(self._model.named_parameters()),
            _AVERAGE: dict(self.model.named_parameters()),
            **{kind: {name: moments[p][kind] for name, p in self._model.named_parameters()} for kind in _MOMENTS},
        }
        about = {
            "step": self.step,
            "recipe": recipe(),
            "optimiser": self._optimiser.state_dict()["param_groups"],
            "schedule": self._schedule.state_dict(),
        }
        save(file, {f"{kind}.{name}": tensor for kind, of in held.items() for name, tensor in of.items()}, about)

    @classmethod
    def resume(cls, file: Path) -> Self:
        """The training that was put down in a file.

        Raises:
            WeightsError: the file is not there, cannot be read, or another recipe was followed.
        """
        training = cls()
        remedy = f"delete {file} to begin anew"
        shapes = {name: tuple(parameter.shape) for name, parameter in training._model.named_parameters()}
        kinds = (_WEIGHTS, _AVERAGE, *_MOMENTS)
        tensors, about = load(file, {f"{kind}.{name}": shapes[name] for kind in kinds for name in shapes}, remedy)
        if about.get("recipe") != recipe():
            raise weights_error(file, "training goes on by the recipe it began with", "has another", remedy)
        training._take_up({kind: {name: tensors[f"{kind}.{name}"] for name in shapes} for kind in kinds}, about)
        return training

    def _take_up(self, held: Mapping[str, Mapping[str, Tensor]], about: Mapping[str, Any]) -> None:
        self.step = about["step"]
        self._model.load_state_dict(held[_WEIGHTS])
        self.model.load_state_dict(held[_AVERAGE])
        self._average.n_averaged.fill_(self.step)
        if self.step > training_data.EVERYDAY_STEPS:
            self._begin_part(training_data.EVERYDAY_STEPS)
        count = torch.tensor(float(self.step - self._first))  # Adam counts its steps in a tensor
        states = {
            position: {"step": count.clone(), **{kind: held[kind][name] for kind in _MOMENTS}}
            for position, name in enumerate(held[_WEIGHTS])
        }
        self._optimiser.load_state_dict({"state": states, "param_groups": about["optimiser"]})
        self._schedule.load_state_dict(dict(about["schedule"]))


def _rise_and_decay(step: int) -> float:
    """The paper's factor of d_model^−0.5: rising in the warm-up, then falling with the root of the step.

    In the third part of training it falls in a line besides, so that what is hardest to tell apart settles.
    """
    number = step + 1
    left = 1 - (step - training_data.CLOSING_STEP) / CLOSING_STEPS if step >= training_data.CLOSING_STEP else 1.0
    return min(number**-0.5, number * WARM_UP**-1.5) * max(left, CLOSING_RATE)
