use std::sync::Arc;

use std::{collections::BTreeSet, ops::Range, time::Duration};

use gridwell_model::{Needs, Preference, SessionSpec, parse_bytes, parse_duration};
use toml::Spanned;

use super::{
    FramesRule, Reader, Recipe, RecipeError, RecipeText, Variant,
    format::{FramesFile, PatternFile, RecipeFile, SessionFile, VariantFile},
    matching::Matches,
};
use crate::progress::{LineRule, LineRules};

/// The format's version that this program reads.
const VERSION: u32 = 1;

/// Reads recipes of one origin and sorts them by priority.
pub(super) fn load_all(texts: &[RecipeText]) -> Result<Vec<Recipe>, RecipeError> {
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for source in texts {
        let file = parse(source)?;
        let at = Place { source };
        if !names.insert(file.name.get_ref().clone()) {
            let (file_name, line) = (source.file.clone(), at.line(&file.name.span()));
            return Err(RecipeError::DuplicateName { file: file_name, line, name: file.name.into_inner() });
        }
        all.push(build(&at, file)?);
    }
    // Stable: equal priorities keep their order.
    all.sort_by_key(|recipe: &Recipe| std::cmp::Reverse(recipe.priority));
    Ok(all)
}

/// Where errors point to.
struct Place<'a> {
    source: &'a RecipeText,
}

impl Place<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.source.text.get(..span.start).unwrap_or(&self.source.text);
        before.bytes().filter(|byte| *byte == b'\n').count() + 1
    }

    fn malformed(&self, span: &Range<usize>, message: String) -> RecipeError {
        RecipeError::Malformed { file: self.source.file.clone(), line: self.line(span), message }
    }

    /// The template of that name beside the recipe, with its name.
    fn template(&self, name: &Spanned<String>) -> Result<(String, String), RecipeError> {
        let text = self.source.templates.get(name.get_ref()).ok_or_else(|| RecipeError::NoTemplate {
            file: self.source.file.clone(),
            line: self.line(&name.span()),
            template: name.get_ref().clone(),
        })?;
        Ok((name.get_ref().clone(), text.clone()))
    }

    /// Requirements in words, together.
    fn needs(&self, words: &[Spanned<String>]) -> Result<Needs, RecipeError> {
        let mut all = Needs::default();
        self.each(words)?.into_iter().for_each(|need| all.merge(need));
        Ok(all)
    }

    fn each<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        words: &[Spanned<String>],
    ) -> Result<Vec<T>, RecipeError> {
        words
            .iter()
            .map(|word| word.get_ref().parse().map_err(|error: T::Err| self.malformed(&word.span(), error.to_string())))
            .collect()
    }
}

fn parse(source: &RecipeText) -> Result<RecipeFile, RecipeError> {
    toml::from_str(&source.text).map_err(|error| {
        let span = error.span().unwrap_or_default();
        Place { source }.malformed(&span, error.message().replace('\n', "; "))
    })
}

fn build(at: &Place<'_>, file: RecipeFile) -> Result<Recipe, RecipeError> {
    if *file.version.get_ref() != VERSION {
        let message =
            format!("version {} is not the recipe format {VERSION} that is known here", file.version.get_ref());
        return Err(at.malformed(&file.version.span(), message));
    }
    let (template_file, template) = template(at, &file)?;
    let mut needs = Needs::default();
    if let Some(tool) = &file.tool {
        needs.merge(format!("tool:{tool}").parse().map_err(|error| at.malformed(&(0..0), format!("{error}")))?);
    }
    needs.merge(at.needs(&file.needs)?);
    let step_needs = file.step_needs.iter().map(|(step, words)| Ok((step.clone(), at.needs(words)?)));
    Ok(Recipe {
        title: file.title,
        priority: file.priority,
        reader: file.reader,
        template_file,
        template,
        tool: file.tool,
        needs,
        prefers: at.each::<Preference>(&file.prefers)?,
        session: session(at, &file.session)?,
        lines: Arc::new(LineRules {
            progress: rules(at, &file.progress)?,
            saved: rules(at, &file.saved)?,
            failure: rules(at, &file.failure)?,
        }),
        proof: file.proof,
        same_look: file.same_look,
        too_fast: match &file.too_fast {
            Some(rule) => Some((time(at, &rule.under)?, rule.then)),
            None => None,
        },
        steps_at_origin: file.steps_at_origin,
        step_needs: step_needs.collect::<Result<_, _>>()?,
        matches: Matches {
            extensions: file.matches.extensions.iter().map(|word| word.to_lowercase()).collect(),
            magic: file.matches.magic.iter().map(|word| word.as_bytes().to_vec()).collect(),
            folder_markers: file.matches.folder_markers,
        },
        job_name: file.job_name.unwrap_or_else(|| "{name}".to_owned()),
        output_folder: file.output.as_ref().map_or_else(|| "{folder}".to_owned(), |output| output.folder.clone()),
        output_globs: file.output.map(|output| output.globs).unwrap_or_default(),
        frames: file.frames.map(frames_rule),
        parameters: file.parameters,
        variants: variants(at, file.variants)?,
        name: file.name.into_inner(),
    })
}

fn template(at: &Place<'_>, file: &RecipeFile) -> Result<(String, String), RecipeError> {
    match (&file.template, file.reader) {
        (None, Reader::Openjd) => Ok((String::new(), String::new())),
        (None, _) => Err(at.malformed(&file.name.span(), "the recipe names no template".to_owned())),
        (Some(name), _) => at.template(name),
    }
}

fn session(at: &Place<'_>, file: &SessionFile) -> Result<SessionSpec, RecipeError> {
    let mib = |words: &Option<Spanned<String>>| {
        let read = |word: &Spanned<String>| match parse_bytes(word.get_ref()) {
            Ok(bytes) => Ok(u32::try_from(bytes.div_ceil(1 << 20)).unwrap_or(u32::MAX)),
            Err(error) => Err(at.malformed(&word.span(), error.to_string())),
        };
        words.as_ref().map(read).transpose()
    };
    let stuck_after = file.stuck_after.as_ref().map(|word| time(at, word)).transpose()?;
    let heartbeat = file.heartbeat_seconds.as_ref();
    if let Some(none) = heartbeat.filter(|secs| *secs.get_ref() == 0) {
        return Err(at.malformed(&none.span(), "a heartbeat is at least a second".to_owned()));
    }
    Ok(SessionSpec {
        continues: file.continues,
        heartbeat_secs: heartbeat.map(|secs| *secs.get_ref()),
        network: file.network.unwrap_or(true),
        memory_mib: mib(&file.memory)?,
        disk_mib: mib(&file.disk)?,
        stuck_secs: stuck_after.map(|time| u32::try_from(time.as_secs()).unwrap_or(u32::MAX).max(1)),
    })
}

fn time(at: &Place<'_>, word: &Spanned<String>) -> Result<Duration, RecipeError> {
    parse_duration(word.get_ref()).map_err(|error| at.malformed(&word.span(), error.to_string()))
}

fn variants(at: &Place<'_>, files: Vec<VariantFile>) -> Result<Vec<Variant>, RecipeError> {
    let variant = |file: VariantFile| {
        let (template_file, template) = at.template(&file.template)?;
        Ok(Variant {
            parameter: file.when_parameter,
            template_file,
            template,
            parameters: file.parameters,
            steps_at_origin: file.steps_at_origin,
        })
    };
    files.into_iter().map(variant).collect()
}

fn frames_rule(file: FramesFile) -> FramesRule {
    FramesRule {
        default: file.default,
        minimum: file.minimum.unwrap_or(i64::from(i32::MIN)),
        maximum: file.maximum.unwrap_or(i64::from(i32::MAX)),
    }
}

fn rules(at: &Place<'_>, files: &[PatternFile]) -> Result<Vec<LineRule>, RecipeError> {
    files
        .iter()
        .map(|file| {
            LineRule::new(file.pattern.get_ref(), file.says.clone())
                .map_err(|error| at.malformed(&file.pattern.span(), error.to_string()))
        })
        .collect()
}
