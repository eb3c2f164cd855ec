import pytest

from semcom_ota.training.recipes import presets, read_settings, recipe


@pytest.mark.parametrize("name", presets())
def test_settings_that_ship_are_a_recipe_s(name):
    settings = read_settings(name)
    own = {"text-jscc-on": "text-jscc", "bert": "denoising", "t5": "denoising"}
    named = own.get(name, "lam-jscc" if "backbone" in settings else "language-model")
    what = recipe(named).settings_class()
    assert what.model_validate(settings).steps == settings["steps"]
