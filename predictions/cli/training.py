"""Commands that train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from predictions.cli.asking import (
    chosen_of,
    warn_of_no_effect,
)
from predictions.cli.options import (
    AS_DESIGNED,
    Asked,
    EngineOption,
    JsonOption,
    OutOption,
    SeedsOption,
    SizeOrDesign,
    StoreOption,
    folder,
    whole_number,
)
from predictions.command import DONE, INTERRUPTED

if TYPE_CHECKING:
    from predictions.trainer import NetworkTrainer
    from runs import Document, Store
    from runs.execution.executors import Executor


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Training:
    """Where and how runs are trained: options of every command that trains."""

    device: Annotated[Literal["auto", "cpu", "cuda"], Parameter(help="Where to train.")] = "auto"
    engine: EngineOption = "auto"
    memory: Annotated[
        float | None,
        Parameter(
            help="GiB that training may take; default: four fifths of what is free.",
            validator=Number(gt=0),
        ),
    ] = None
    workers: Annotated[
        int | None,
        Parameter(
            help="Ensembles that train side by side; default: one for each core that may be used.",
            converter=whole_number,
            validator=Number(gte=1, lte=4096),
        ),
    ] = None
    on: Annotated[
        str,
        Parameter(
            help="What trains: threads of this process; gpus, a process for each; jobs of slurm; "
            "tasks of ray; or module:executor of one's own."
        ),
    ] = "threads"
    profile: Annotated[
        Path | None,
        Parameter(
            help="A TOML file with options for that, in a table of its name.", converter=folder
        ),
    ] = None
    partition: Annotated[str | None, Parameter(help="Partition of the cluster.")] = None
    time: Annotated[str | None, Parameter(help="Limit of a job, as Slurm takes it.")] = None
    address: Annotated[str | None, Parameter(help="Of a cluster of Ray; default: auto.")] = None
    max_jobs: Annotated[
        int | None,
        Parameter(help="Jobs at once.", converter=whole_number, validator=Number(gte=1)),
    ] = None
    detach: Annotated[
        bool, Parameter(negative=(), help="Submit jobs and return; the same command follows them.")
    ] = False
    store: StoreOption = Path("store")
    out: OutOption = Path("report")
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Only say what would be trained, and what it costs.")
    ] = False
    retrain_damaged: Annotated[
        bool, Parameter(negative=(), help="Move damaged runs to aside/ and train them again.")
    ] = False

    def trainer(self) -> NetworkTrainer:
        """Return what trains."""
        from predictions.trainer import NetworkTrainer

        memory = None if self.memory is None else self.memory * 2**30
        workers = self.workers if self.on == "threads" else 1
        return NetworkTrainer(self.device, self.engine, memory, workers=workers)

    def executor(self, trainer: NetworkTrainer) -> Executor:
        """Return who has it done.

        Args:
            trainer: What plans it, here.

        Raises:
            InvalidInputError: There is no such executor, or it cannot take these options.
        """
        from efficiency.errors import InvalidInputError
        from predictions.executors import EXECUTORS, profile

        if self.workers is not None and self.on != "threads":
            raise InvalidInputError(
                f"--workers {self.workers} is for threads of this process, and --on {self.on} was "
                "given; say how many jobs there may be with --max-jobs, how many GPUs with "
                "CUDA_VISIBLE_DEVICES"
            )
        names = ("partition", "time", "address", "max_jobs")
        given = {name: getattr(self, name) for name in names}
        options = profile(self.profile, self.on)
        options |= {name: value for name, value in given.items() if value is not None}
        training = {"device": trainer.device, "engine": self.engine}
        return EXECUTORS.find(self.on)(options, training, self.detach)

    def ready(
        self, place: Store, name: str, documents: Sequence[Document], trainer: NetworkTrainer
    ) -> None:
        """Find out before hours of training that they can be measured and written.

        Args:
            place: Where runs go.
            name: Of the report or table.
            documents: The runs; those that are damaged are moved aside if that was asked for.
            trainer: What trains them.
        """
        from predictions.cli.running import make_writable, set_damaged_aside

        trainer.require_measurable(documents)
        if not self.dry_run:
            make_writable(self.out, name)
            if self.retrain_damaged:
                place.require_writable()
        retrain = self.retrain_damaged and not self.dry_run
        set_damaged_aside(place, documents, retrain=retrain)


USUAL = Training()
"""Nothing is asked for."""


def run(
    *names: str,
    size: SizeOrDesign = None,
    seeds: SeedsOption = None,
    until_decided: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Double the seeds until each claim is decided, at 5% in all looks together.",
        ),
    ] = False,
    max_seeds: Annotated[
        int | None,
        Parameter(
            help="The largest number of seeds then; default: eight times those of the first look.",
            converter=whole_number,
        ),
    ] = None,
    asked: Asked = AS_DESIGNED,
    training: Training = USUAL,
    json: JsonOption = False,
) -> int:
    """Train what is missing, judge, and write the report.

    Parameters
    ----------
    names:
        The predictions, or a group: "all" (of the theory), "circuits", "critical-size",
        "first-study", "controls", "substitutes", "at-rest",
        "representation", "double-descent", "numerical-stability", "phase-changes",
        "facts".
    """
    from predictions.cli.printing import print_verdicts
    from predictions.cli.running import (
        Commands,
        print_plan,
        print_submitted,
        require_designs,
        warn_of_too_few_seeds,
        write_reports,
    )
    from predictions.cli.sequence import documents_of, known_in, ranges, run_in_looks
    from predictions.plans import Extent
    from predictions.report import stem
    from runs import Store
    from runs.execution.executors import Submitted
    from runs.given import give

    chosen, size = chosen_of(names, asked, size)
    warn_of_no_effect(chosen)
    extent = Extent(seeds=seeds, until_decided=until_decided, max_seeds=max_seeds)
    looks = {prediction.name: extent.looks(prediction, size) for prediction in chosen}
    place = Store(training.store)
    require_designs(chosen, size, seeds)
    known = known_in(place, chosen, size, looks)
    documents = documents_of(known, size, looks)
    trainer = training.trainer()
    executor = training.executor(trainer)
    training.ready(place, stem(chosen, size, extent), documents, trainer)
    warn_of_too_few_seeds(chosen, seeds)
    if training.dry_run:
        foreseen, later = ranges(known, size, looks)
        return print_plan(
            documents, place, trainer, executor, foreseen=foreseen, later=later, json=json
        )
    for network in chosen[0].variant.start:
        give(place, network.weights)
    try:
        judged = run_in_looks(chosen, size, extent, place, trainer, executor=executor)
    except Submitted as submitted:
        print_submitted(submitted, place)
        return DONE
    if judged is None:
        return INTERRUPTED
    # First what is kept, then what is shown: printing may fail.
    write_reports(judged.verdicts, chosen, place, training.out, extent, quiet=json)
    commands = Commands(store=place, extent=extent, out=training.out)
    print_verdicts(judged.verdicts, chosen, json=json, commands=commands)
    return judged.code


def sweep(
    file: Annotated[Path, Parameter(converter=folder)],
    /,
    *,
    training: Training = USUAL,
    json: JsonOption = False,
) -> int:
    """Train runs of your own, a grid or a list of them, and write a table of how they ended.

    Parameters
    ----------
    file:
        A TOML file with [settings] that all runs share, a [grid] of values to combine, and [[runs]]
        with what differs in each, every one combined with the grid.
    """
    from predictions import sweeps
    from predictions.cli.running import print_plan, print_submitted, train_missing
    from predictions.cli.sweeping import print_sweep, write_table
    from runs import Store
    from runs.execution.executors import Submitted

    asked = sweeps.read(file)
    place = Store(training.store)
    documents = [run.document() for run in asked.runs]
    trainer = training.trainer()
    executor = training.executor(trainer)
    training.ready(place, asked.name, documents, trainer)
    if training.dry_run:
        return print_plan(documents, place, trainer, executor, json=json)
    try:
        if not train_missing(documents, place, trainer, executor):
            return INTERRUPTED
    except Submitted as submitted:
        print_submitted(submitted, place)
        return DONE
    table = sweeps.table(asked, place)
    written = write_table(table, training.out / f"{asked.name}.csv")
    print_sweep(table, asked.varied(), written, asked.measures(), json=json)
    return DONE
