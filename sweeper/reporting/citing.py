"""How to cite what a sweep was made with, as BibTeX.

Owns: the entries. Standard library only.

Sources: https://dl.acm.org/doi/10.1145/3292500.3330701 (Optuna),
https://www.usenix.org/conference/osdi18/presentation/moritz (Ray).
"""

from __future__ import annotations

__all__ = ["citations"]

_OTHERS = """\
@inproceedings{akiba2019optuna,
  title     = {Optuna: A Next-generation Hyperparameter Optimization Framework},
  author    = {Akiba, Takuya and Sano, Shotaro and Yanase, Toshihiko and Ohta, Takeru and
               Koyama, Masanori},
  booktitle = {Proceedings of the 25th ACM SIGKDD International Conference on Knowledge
               Discovery and Data Mining},
  year      = {2019},
  pages     = {2623--2631},
  doi       = {10.1145/3292500.3330701}
}

@inproceedings{moritz2018ray,
  title     = {Ray: A Distributed Framework for Emerging {AI} Applications},
  author    = {Moritz, Philipp and Nishihara, Robert and Wang, Stephanie and Tumanov, Alexey and
               Liaw, Richard and Liang, Eric and Elibol, Melih and Yang, Zongheng and
               Paul, William and Jordan, Michael I. and Stoica, Ion},
  booktitle = {13th USENIX Symposium on Operating Systems Design and Implementation (OSDI 18)},
  year      = {2018},
  pages     = {561--577}
}"""


def citations(version: str) -> str:
    """Return an entry for this program, Optuna and Ray each.

    Args:
        version: Of sweeper.
    """
    own = f"""\
@software{{sweeper,
  title   = {{sweeper: energy-aware hyperparameter sweeps}},
  version = {{{version}}}
}}"""
    return f"{own}\n\n{_OTHERS}"
