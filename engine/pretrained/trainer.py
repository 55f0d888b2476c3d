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
from engine.pretrained.dates import HELD_OUT_OF, SEED, SEEN
from engine.pretrained.pretrained import trained_config
from engine.pretrained.safetensors_io import load, refusal, save
from engine.text.char_tokenizer import CHARACTERS
from engine.text.tokenizer import PAD

BATCH = 128
WARM_UP = 2000  # steps in which the learning rate rises
AVERAGING = 0.998  # of the running average of the weights, which is what is kept: the mean of about the last 500 steps
THREADS = 2  # sums are rounded in another order by another number

# What a checkpoint holds, by the names that torch gives to Adam's running means of the gradients and their squares.
_WEIGHTS, _AVERAGE, _MOMENTS = "model", "average", ("exp_avg", "exp_avg_sq")

CPU = torch.device("cpu")  # where the same seeds give the same weights again


def recipe() -> dict[str, Any]:
    """Everything that decides what the weights become, but the number of steps."""
    return {
        "sizes": dict(TRAINED),
        "characters": CHARACTERS,
        "forms": [form.template for form in SEEN],
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
    }


class Training:
    """Adam with the paper's learning rate (section 5.3), one batch of lessons a step, on the CPU."""

    def __init__(self) -> None:
        self.step = 0
        config = trained_config(weights="random", seed=SEED, device="cpu")
        self._model = build(config, PAD, CPU).requires_grad_(True)
        self._average = AveragedModel(self._model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))
        self._optimiser = Adam(self._model.parameters(), lr=config.d_model**-0.5, betas=(0.9, 0.98), eps=1e-9)
        self._schedule = LambdaLR(self._optimiser, _rise_and_decay)

    @property
    def model(self) -> Transformer:
        """The running average of the weights."""
        return cast(Transformer, self._average.module)

    @property
    def rate(self) -> float:
        """The learning rate of the next step."""
        return float(self._schedule.get_last_lr()[0])

    def learn(self) -> float:
        """One step; returns its loss, the mean of −ln p over the characters of the answers."""
        source, given, wanted = training_data.tensors(training_data.lessons(self.step, BATCH), CPU)
        loss = nll_loss(self._model(source, given).flatten(0, 1), wanted.flatten())
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
            raise refusal(file, "training goes on by the recipe it began with", "has another", remedy)
        training._take_up({kind: {name: tensors[f"{kind}.{name}"] for name in shapes} for kind in kinds}, about)
        return training

    def _take_up(self, held: Mapping[str, Mapping[str, Tensor]], about: Mapping[str, Any]) -> None:
        self.step = about["step"]
        self._model.load_state_dict(held[_WEIGHTS])
        self.model.load_state_dict(held[_AVERAGE])
        self._average.n_averaged.fill_(self.step)
        count = torch.tensor(float(self.step))  # Adam counts its steps in a tensor
        states = {
            place: {"step": count.clone(), **{kind: held[kind][name] for kind in _MOMENTS}}
            for place, name in enumerate(held[_WEIGHTS])
        }
        self._optimiser.load_state_dict({"state": states, "param_groups": about["optimiser"]})
        self._schedule.load_state_dict(dict(about["schedule"]))


def _rise_and_decay(step: int) -> float:
    """The paper's factor of d_model^−0.5: rising in the warm-up, then falling with the root of the step."""
    number = step + 1
    return min(number**-0.5, number * WARM_UP**-1.5)
