//! Recipes: shipped ones, defaults, what is refused.

use super::*;

fn check(text: &str) -> anyhow::Result<Recipe> {
    let recipe: Recipe = toml::from_str(text)?;
    recipe.check()?;
    Ok(recipe)
}

#[test]
fn the_shipped_recipes_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("recipes");
    for name in ["questions", "questions-linear", "documents", "ministries", "documents-fused"] {
        let recipe = Recipe::read(&folder.join(format!("{name}.toml"))).unwrap();
        assert!(recipe.baseline.is_none());
        assert_eq!(recipe.fusion.is_some(), ["questions", "documents-fused"].contains(&name));
        let is_tuned = recipe.fusion.as_ref().is_some_and(|it| it.encoder.is_some());
        assert_eq!(is_tuned, name == "questions");
    }
    for kind in ["svm", "random-forest", "mlp"] {
        let recipe = Recipe::read(&folder.join(format!("baseline-{kind}.toml"))).unwrap();
        assert_eq!(recipe.baseline.unwrap().name(), kind);
    }
}

#[test]
fn defaults_are_filled_in() {
    let recipe = check("name = 'n'\n[[views]]\norders = [1, 2]\nweights = [0.5, 1.0]").unwrap();
    assert_eq!((recipe.min_rows, recipe.views[0].min_df), (1, 1));
    assert_eq!([1, 2, 3].map(|it| recipe.views[0].weight(it)), [0.5, 1.0, 1.0]);
}

#[test]
fn folds_of_the_encoder_are_folds_of_the_rows() {
    let text = "name = 'n'\n[[views]]\norders = [1]\n[confidence]\nfolds = 6\n[fusion]\nfolds = 3\n\
                [fusion.encoder]\nkind = 'fine-tune'\nepochs = 2";
    assert_eq!(check(text).unwrap().fusion.unwrap().encoder.unwrap().epochs, 2);
}

#[test]
fn what_cannot_be_is_refused() {
    for text in [
        "name = 'n'\nviews = []",
        "name = 'n'\n[[views]]\norders = [9]",
        "name = 'n'\n[[views]]\norders = []",
        "name = 'n'\n[[views]]\norders = [1]\nweights = [1, 2]",
        "name = 'n'\nunknown = 1\n[[views]]\norders = [1]",
        "name = 'n'\n[[views]]\norders = [1]\nshare = 0",
        "name = 'n'\n[[views]]\norders = [1]\nshare = 2",
        "name = 'n'\n[[views]]\norders = [1]\nshare = 0.5\n[[views]]\norders = [2]",
        "name = 'n'\n[[views]]\norders = [1]\n[confidence]\nfolds = 1",
        "name = 'n'\n[[views]]\norders = [1]\n[duties]\nweight = 0",
        "name = 'n'\n[[views]]\norders = [1]\n[fusion]\ncost = 0",
        "name = 'n'\n[[views]]\norders = [1]\n[fusion]\naim = 'luck'",
        "name = 'n'\n[[views]]\norders = [1]\n[fusion]\noptional = true",
        "name = 'n'\n[[views]]\norders = [1]\n[fusion]\nfolds = 3\n[fusion.encoder]\nkind = 'fine-tune'",
        "name = 'n'\n[[views]]\norders = [1]\n[fusion.encoder]\nkind = 'fine-tune'\npatience = 3",
        "name = 'n'\n[[views]]\norders = [1]\n[fusion.encoder]\nkind = 'frozen'",
        "name = 'N'\n[[views]]\norders = [1]\n[fusion.encoder]\nkind = 'fine-tune'",
        "name = 'n'\n[[views]]\norders = [1]\n[baseline]\nkind = 'bayes'",
        "name = 'n'\n[[views]]\norders = [1]\n[baseline]\nkind = 'svm'\ntrees = 3",
        "name = 'n'\n[[views]]\norders = [1]\n[baseline]\nkind = 'mlp'\nhiden = 3",
        "name = 'n'\n[[views]]\norders = [1]\n[baseline]\nkind = 'svm'\nwidth = 0",
    ] {
        assert!(check(text).is_err(), "{text}");
    }
}
