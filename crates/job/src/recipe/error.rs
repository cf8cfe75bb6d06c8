/// Why a recipe is not used; `file` and `line` say where to look.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// The text is not the recipe format.
    #[error("{file}, line {line}: {message}")]
    Malformed {
        /// The recipe's file.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// The recipe names a template that is not beside it.
    #[error("{file}, line {line}: the template '{template}' is not beside the recipe")]
    NoTemplate {
        /// The recipe's file.
        file: String,
        /// Line of the entry.
        line: usize,
        /// The template's file name.
        template: String,
    },
    /// Two recipes of the same origin have one name.
    #[error("{file}, line {line}: another recipe is already called '{name}'")]
    DuplicateName {
        /// The second recipe's file.
        file: String,
        /// Line of the name.
        line: usize,
        /// The name.
        name: String,
    },
    /// The template is not a valid job template.
    #[error("{file}: the template of recipe '{name}' is not valid: {reason}")]
    Template {
        /// The template's file.
        file: String,
        /// The recipe.
        name: String,
        /// The decoder's words.
        reason: String,
    },
}
