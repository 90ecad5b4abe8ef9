"""Eight short questions with a passage that answers each and one on the same subject that does not.

The fixed text of every audit that is not given other text, so that audits of different backbones can be compared.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from rescalade.texts.layout import Layout
from rescalade.texts.text_settings import SpecialTokens
from rescalade.texts.token_batch import TokenBatch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LENGTH = 64
"""Tokens to which the sample text is cut; none of it is that long in a usual vocabulary."""


class Triple(NamedTuple):
    """A query with its relevant passage and a hard negative."""

    query: str
    positive: str
    negative: str


SAMPLE: tuple[Triple, ...] = (
    Triple(
        "why does bread dough rise",
        "Yeast ferments the sugars in the flour and gives off carbon dioxide. Gluten, the protein network formed "
        "by kneading, traps the gas in small bubbles, so the dough expands while it rests.",
        "Flat breads are baked at once on a hot stone. Without a rest the dough stays thin, and the heat blisters "
        "its surface within two minutes.",
    ),
    Triple(
        "what causes ocean tides",
        "The gravity of the moon pulls the water on the near side of the earth more strongly than on the far "
        "side. As the planet turns, coasts pass through both bulges, which gives two high tides a day.",
        "Ocean currents are driven by wind and by differences in temperature and salt. The Gulf Stream carries "
        "warm water from the tropics towards northern Europe.",
    ),
    Triple(
        "how do vaccines protect against disease",
        "A vaccine shows the immune system a harmless piece of a pathogen. Memory cells that form in response "
        "recognise the real infection later and produce antibodies before symptoms appear.",
        "Antibiotics kill bacteria or stop them from growing. They have no effect on viruses, and careless use "
        "breeds resistant strains in hospitals.",
    ),
    Triple(
        "difference between a list and a tuple in python",
        "A list can be changed after it was made: items are appended, replaced or removed. A tuple is immutable, "
        "so it can serve as a dictionary key and is a little smaller in memory.",
        "A dictionary maps keys to values. Looking up a key takes the same time however many entries there are, "
        "because its position follows from a hash.",
    ),
    Triple(
        "when was the first transatlantic telegraph cable laid",
        "After failed attempts a cable between Ireland and Newfoundland carried messages in August 1858. It broke "
        "within weeks, and a lasting connection was only made in 1866.",
        "The optical telegraph passed signals from tower to tower by moving wooden arms. In clear weather a "
        "message crossed France in less than half an hour.",
    ),
    Triple(
        "how long do honey bees live",
        "A worker bee in summer lives five to six weeks, most of them inside the hive. Bees that hatch in autumn "
        "survive until spring, and a queen may live for several years.",
        "Bumble bees nest in the ground in colonies of a few hundred. Their thick fur lets them visit flowers on "
        "mornings that are too cold for other insects.",
    ),
    Triple(
        "what is compound interest",
        "Interest is added to the capital at the end of each period and then earns interest itself. At seven per "
        "cent a year a deposit doubles in about ten years.",
        "A mortgage is a loan secured by a house. If the borrower stops paying, the bank may sell the property to "
        "recover what is owed.",
    ),
    Triple(
        "who painted the ceiling of the sistine chapel",
        "Michelangelo painted the ceiling between 1508 and 1512 on a scaffold of his own design. Its nine central "
        "scenes tell the story of Genesis from the creation to Noah.",
        "Raphael decorated four rooms of the papal apartments with frescoes. The School of Athens shows Plato and "
        "Aristotle among the philosophers of antiquity.",
    ),
)


def sample_batches(
    tokenizer: PreTrainedTokenizerBase,
    special_tokens: SpecialTokens = "own",
    layouts: tuple[Layout, Layout] | None = None,
) -> tuple[TokenBatch, TokenBatch]:
    """Queries, and documents with the positives first, of the sample text.

    Args:
        layouts: of queries and of documents, for a model that says how it reads them; then `special_tokens` is theirs.
    """
    plain = Layout(LENGTH, special_tokens=special_tokens)
    of_queries, of_documents = (
        replace(layout, length=min(layout.length, LENGTH)) for layout in layouts or (plain, plain)
    )
    documents = [triple.positive for triple in SAMPLE] + [triple.negative for triple in SAMPLE]
    queries = [triple.query for triple in SAMPLE]
    return (
        of_queries.batch(tokenizer, of_queries.tokens(tokenizer, queries).rows()),
        of_documents.batch(tokenizer, of_documents.tokens(tokenizer, documents).rows()),
    )
