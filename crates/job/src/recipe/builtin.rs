use std::collections::BTreeMap;

use super::RecipeText;

macro_rules! texts {
    ($($recipe:literal with [$($template:literal),*]),* $(,)?) => {
        vec![$(RecipeText {
            file: concat!($recipe, " (built in)").to_owned(),
            text: include_str!(concat!("../../recipes/", $recipe)).to_owned(),
            templates: BTreeMap::from([$(
                ($template.to_owned(), include_str!(concat!("../../recipes/", $template)).to_owned()),
            )*]),
        }),*]
    };
}

/// The built-in recipes; equal priorities are asked in this order.
pub(super) fn texts() -> Vec<RecipeText> {
    texts![
        "blender.toml" with ["blender.yaml"],
        "sample.toml" with ["sample.yaml", "sample-tiles.yaml"],
        "povray.toml" with ["povray.yaml"],
        "openjd.toml" with [],
        "film.toml" with ["film.yaml"],
        "images.toml" with ["images.yaml"],
        "python.toml" with ["python.yaml"],
        "shell.toml" with ["shell.yaml"],
    ]
}
