use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use serde::{Deserialize, Serialize};

use crate::{LimitNeed, hardware::version_number, power::Power, units::parse_bytes};

/// Names of amounts that count licences begin so; no machine has them, so they are no question of fit.
const LIMIT: &str = "amount.limit.";

/// What a machine offers, by capability name; see `Hardware::capabilities` for the names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Countable things.
    pub amounts: BTreeMap<String, f64>,
    /// Sets of lower-case words.
    pub attributes: BTreeMap<String, BTreeSet<String>>,
}

impl Capabilities {
    /// Sets an amount.
    pub fn amount(&mut self, name: &str, value: f64) {
        self.amounts.insert(name.to_owned(), value);
    }

    /// Adds a value to an attribute; compared without case.
    pub fn attribute(&mut self, name: &str, value: &str) {
        self.attributes.entry(name.to_owned()).or_default().insert(value.to_lowercase());
    }
}

/// At least and/or at most so much of something countable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct AmountNeed {
    /// Capability name: `amount.worker.memory` (MiB), `amount.worker.vcpu`, `amount.tool.blender`, …
    pub name: String,
    /// Lower bound, inclusive. For the reservable standard amounts it is also what a task reserves.
    pub min: Option<f64>,
    /// Upper bound, inclusive.
    pub max: Option<f64>,
}

/// Words a machine must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct AttributeNeed {
    /// Capability name: `attr.worker.os.family`, `attr.worker.tool`, `attr.label.tier`, …
    pub name: String,
    /// At least one of these, unless empty.
    pub any_of: Vec<String>,
    /// Every one of these.
    pub all_of: Vec<String>,
}

/// Hard requirements: all must hold, or the machine does not fit.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Needs {
    /// Countable things.
    pub amounts: Vec<AmountNeed>,
    /// Words.
    pub attributes: Vec<AttributeNeed>,
    /// Machines (by name or id prefix) that alone may run it; empty means any.
    pub only_on: Vec<String>,
    /// True when its program uses every core there is: a task then reserves all cores that its machine lends.
    #[serde(default)]
    pub all_cores: bool,
}

/// One requirement that a machine does not meet, with the numbers people need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unmet {
    /// Too little (or too much) of something.
    Amount {
        /// Capability name.
        name: String,
        /// What the machine has; 0 when it has none.
        has: f64,
        /// Lower bound asked for.
        min: Option<f64>,
        /// Upper bound asked for.
        max: Option<f64>,
    },
    /// A word is missing.
    Attribute {
        /// Capability name.
        name: String,
        /// What the machine has.
        has: Vec<String>,
        /// What would have done.
        wanted: Vec<String>,
    },
    /// Nobody said the figure that the requirement is about.
    NoFigure {
        /// Capability name.
        name: String,
    },
    /// The job names other machines.
    NotNamed {
        /// The machines it names.
        only_on: Vec<String>,
    },
}

/// The names people use for capabilities, their unit's factor, and whether the value is a size in bytes.
const AMOUNT_WORDS: [(&str, &str, Option<f64>); 12] = [
    ("ram", "amount.worker.memory", Some(1_048_576.0)),
    ("memory", "amount.worker.memory", Some(1_048_576.0)),
    ("ram_mb", "amount.worker.memory", None),
    ("cores", "amount.worker.vcpu", None),
    ("cpus", "amount.worker.vcpu", None),
    ("gpus", "amount.worker.gpu", None),
    ("vram", "amount.worker.gpu.memory", Some(1_048_576.0)),
    ("vram_mb", "amount.worker.gpu.memory", None),
    ("disk", "amount.worker.disk.scratch", Some(1_073_741_824.0)),
    ("scratch", "amount.worker.disk.scratch", Some(1_073_741_824.0)),
    ("watts", Power::WATTS, None),
    ("tariff", Power::TARIFF, None),
];

/// Amounts that machines have only if somebody said them: without a figure they are unknown, not 0. These count by the unit in wishes.
const FIGURES: [&str; 2] = [Power::WATTS, Power::TARIFF];

fn plain_amount(name: &str) -> String {
    let word = AMOUNT_WORDS.iter().find(|(_, full, _)| *full == name).map(|(word, ..)| (*word).to_owned());
    word.unwrap_or_else(|| name.trim_start_matches("amount.").to_owned())
}

fn plain_value(name: &str, value: f64) -> String {
    match name {
        "amount.worker.memory" | "amount.worker.gpu.memory" => crate::format_bytes((value * 1_048_576.0) as u64),
        "amount.worker.disk.scratch" => crate::format_bytes((value * 1_073_741_824.0) as u64),
        _ if name.starts_with("amount.tool.") => format!("{}.{}", value as u32, (value.fract() * 100.0).round() as u32),
        _ => format!("{value}"),
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Amount { name, has, min, max } => {
                let word = plain_amount(name);
                match (min, max) {
                    (Some(min), _) if has < min => {
                        write!(f, "needs {word} ≥ {}, has {}", plain_value(name, *min), plain_value(name, *has))
                    }
                    (_, Some(max)) => {
                        write!(f, "needs {word} ≤ {}, has {}", plain_value(name, *max), plain_value(name, *has))
                    }
                    _ => write!(f, "needs {word}"),
                }
            }
            Self::Attribute { name, has, wanted } => {
                let word = name.trim_start_matches("attr.").trim_start_matches("worker.");
                let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
                write!(f, "needs {word} {}, has {has}", wanted.join(" or "))
            }
            Self::NoFigure { name } => {
                let word = plain_amount(name);
                write!(f, "needs {word}, and nobody said its {word}")
            }
            Self::NotNamed { only_on } => write!(f, "the job asks for {} only", only_on.join(", ")),
        }
    }
}

impl Unmet {
    /// The smallest change that would meet it, in the imperative: `ask for ram ≥ 25 GB`.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Amount { name, has, min: Some(min), .. } if has < min => {
                let word = plain_amount(name);
                match (name.strip_prefix("amount.tool."), *has > 0.0) {
                    (Some(tool), false) => format!("install {tool} {} there", plain_value(name, *min)),
                    (Some(tool), true) => {
                        format!(
                            "install {tool} {} there, or ask for {}",
                            plain_value(name, *min),
                            plain_value(name, *has)
                        )
                    }
                    (None, true) => format!("ask for {word} ≥ {}", plain_value(name, *has)),
                    (None, false) => format!("leave out the need for {word}"),
                }
            }
            Self::Amount { name, has, .. } => {
                format!("ask for {} ≤ {}", plain_amount(name), plain_value(name, *has))
            }
            Self::Attribute { name, wanted, .. } => match (name.as_str(), name.strip_prefix("attr.label.")) {
                ("attr.worker.tool", _) => format!("install {} there", wanted.join(" or ")),
                (_, Some(label)) => format!("label it {label}={}", wanted.join(" or ")),
                (name, None) => format!("leave out the need for {}", name.trim_start_matches("attr.worker.")),
            },
            Self::NoFigure { name } => {
                let word = plain_amount(name);
                format!("say it there: gridwell set {word}=NUMBER")
            }
            Self::NotNamed { .. } => "let the job run there, too".to_owned(),
        }
    }
}

impl Needs {
    /// Every requirement that `capabilities` of a machine called `name` (its id is `id`) does not meet; empty means fit.
    #[must_use]
    pub fn unmet(&self, capabilities: &Capabilities, name: &str, id: &str) -> Vec<Unmet> {
        let of_machine = self.amounts.iter().filter(|need| !need.name.starts_with(LIMIT));
        let amounts = of_machine.filter_map(|need| {
            if FIGURES.contains(&need.name.as_str()) && !capabilities.amounts.contains_key(&need.name) {
                return Some(Unmet::NoFigure { name: need.name.clone() });
            }
            let has = capabilities.amounts.get(&need.name).copied().unwrap_or(0.0);
            let fits = need.min.is_none_or(|min| has >= min) && need.max.is_none_or(|max| has <= max);
            (!fits).then(|| Unmet::Amount { name: need.name.clone(), has, min: need.min, max: need.max })
        });
        let none = BTreeSet::new();
        let attributes = self.attributes.iter().filter_map(|need| {
            let has = capabilities.attributes.get(&need.name).unwrap_or(&none);
            let holds = |word: &String| has.contains(&word.to_lowercase());
            let fits = (need.any_of.is_empty() || need.any_of.iter().any(holds)) && need.all_of.iter().all(holds);
            let wanted = need.any_of.iter().chain(&need.all_of).cloned().collect();
            (!fits).then(|| Unmet::Attribute { name: need.name.clone(), has: has.iter().cloned().collect(), wanted })
        });
        let place = (!self.names(name, id)).then(|| Unmet::NotNamed { only_on: self.only_on.clone() });
        amounts.chain(attributes).chain(place).collect()
    }

    /// True unless other machines than this one, called `name`, alone may run it.
    #[must_use]
    pub fn names(&self, name: &str, id: &str) -> bool {
        let is_named = |wanted: &String| wanted.eq_ignore_ascii_case(name) || id.starts_with(wanted.as_str());
        self.only_on.is_empty() || self.only_on.iter().any(is_named)
    }

    /// Adds everything `other` asks for.
    pub fn merge(&mut self, other: Self) {
        self.amounts.extend(other.amounts);
        self.attributes.extend(other.attributes);
        self.only_on.extend(other.only_on);
        self.all_cores |= other.all_cores;
    }

    /// Licences that a run takes, by limit.
    #[must_use]
    pub fn limits(&self) -> Vec<LimitNeed> {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for need in &self.amounts {
            if let Some(name) = need.name.strip_prefix(LIMIT) {
                let least = counts.entry(name).or_insert(1);
                *least = (*least).max(need.min.unwrap_or(1.0).ceil() as u32);
            }
        }
        counts.into_iter().map(|(name, count)| LimitNeed { name: name.to_owned(), count }).collect()
    }

    /// How much of `name` a task reserves while it runs: the largest lower bound asked for, else `default`.
    #[must_use]
    pub fn reserve(&self, name: &str, default: f64) -> f64 {
        let asked = self.amounts.iter().filter(|need| need.name == name).filter_map(|need| need.min);
        asked.reduce(f64::max).unwrap_or(default)
    }
}

/// Why a requirement in words was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeedError {
    /// No such word, or a broken comparison.
    #[error(
        "cannot read the requirement '{text}' (try 'ram > 8 GB', 'cores >= 4', 'cores = all', 'gpu', 'tool:blender >= 3.4', 'limit:nuke', 'os = linux' or 'tier = gpu')"
    )]
    Malformed {
        /// The text as given.
        text: String,
    },
}

impl FromStr for Needs {
    type Err = NeedError;

    /// Reads one requirement: `WORD OP VALUE`, `cores = all`, `gpu`, `tool:NAME [OP VERSION]`, `limit:NAME
    /// [>= LICENCES]`, `os = NAME`, `arch = NAME`, `machine = NAME`, or `LABEL = VALUE` (also `LABEL:VALUE`); OP is one of `>= > <= < =`.
    fn from_str(text: &str) -> Result<Self, NeedError> {
        let refuse = || NeedError::Malformed { text: text.to_owned() };
        let (word, op, value) = split_comparison(text);
        if word.is_empty() || (op.is_some() && value.is_empty()) {
            return Err(refuse());
        }
        if matches!(word.as_str(), "cores" | "cpus") && op == Some("=") && value.eq_ignore_ascii_case("all") {
            return Ok(Self { all_cores: true, ..Self::default() });
        }
        if let Some((_, name, size)) = AMOUNT_WORDS.iter().find(|(known, ..)| *known == word) {
            let value = match size {
                Some(factor) => parse_bytes(value).map_err(|_| refuse())? as f64 / factor,
                None => value.parse().map_err(|_| refuse())?,
            };
            return Ok(amount(name, op.ok_or_else(refuse)?, value));
        }
        if let Some(tool) = word.strip_prefix("tool:") {
            let mut needs = attribute("attr.worker.tool", tool);
            if let Some(op) = op {
                let version = version_number(value).ok_or_else(refuse)?;
                needs.merge(amount(&format!("amount.tool.{tool}"), op, version));
            }
            return Ok(needs);
        }
        if let Some(name) = word.strip_prefix("limit:") {
            if !LimitNeed::is_name(name) {
                return Err(refuse());
            }
            let count = match op {
                None => 1,
                Some(">=" | "=") => value.parse::<u32>().ok().filter(|count| *count > 0).ok_or_else(refuse)?,
                Some(_) => return Err(refuse()),
            };
            return Ok(amount(&format!("{LIMIT}{name}"), ">=", f64::from(count)));
        }
        match (word.as_str(), op) {
            ("gpu", None) => Ok(amount("amount.worker.gpu", ">=", 1.0)),
            ("os" | "platform", Some("=")) => Ok(attribute("attr.worker.os.family", value)),
            ("arch", Some("=")) => Ok(attribute("attr.worker.cpu.arch", value)),
            ("machine", Some("=")) => Ok(Self { only_on: vec![value.to_owned()], ..Self::default() }),
            (label, Some("=")) if is_label(label) => Ok(attribute(&format!("attr.label.{label}"), value)),
            (label, None) => match label.split_once(':') {
                Some((key, value)) if is_label(key) && !value.is_empty() => {
                    Ok(attribute(&format!("attr.label.{key}"), value))
                }
                _ => Err(refuse()),
            },
            _ => Err(refuse()),
        }
    }
}

fn is_label(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Splits `ram >= 8 GB` into a lower-case word, the operator and the value; the operator is absent for a bare word.
fn split_comparison(text: &str) -> (String, Option<&'static str>, &str) {
    for op in [">=", "<=", "≥", "≤", ">", "<", "="] {
        if let Some((word, value)) = text.split_once(op) {
            let op = match op {
                "≥" => ">=",
                "≤" => "<=",
                other => other,
            };
            return (word.trim().to_lowercase(), Some(op), value.trim());
        }
    }
    (text.trim().to_lowercase(), None, "")
}

fn amount(name: &str, op: &str, value: f64) -> Needs {
    // A strict bound becomes the nearest representable inclusive one: requirements are inclusive in OpenJD.
    let (min, max) = match op {
        ">=" => (Some(value), None),
        ">" => (Some(value.next_up()), None),
        "<=" => (None, Some(value)),
        "<" => (None, Some(value.next_down())),
        _ => (Some(value), Some(value)),
    };
    Needs { amounts: vec![AmountNeed { name: name.to_owned(), min, max }], ..Needs::default() }
}

fn attribute(name: &str, value: &str) -> Needs {
    let all_of = vec![value.to_lowercase()];
    Needs { attributes: vec![AttributeNeed { name: name.to_owned(), any_of: Vec::new(), all_of }], ..Needs::default() }
}

/// A wish that makes fitting machines more or less likely.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Preference {
    /// What is wished for, in the same words as a requirement.
    pub what: Needs,
    /// The words as typed, for explanations.
    pub words: String,
    /// −5 (avoid) … 5 (strongly prefer); 0 where `per_unit` counts instead.
    pub strength: i8,
    /// Counts how much a machine has of something, instead of whether it meets `what`.
    #[serde(default)]
    pub per_unit: Option<PerUnit>,
}

/// A wish that counts by the unit: `watts * -0.01`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PerUnit {
    /// Capability name of the amount.
    pub name: String,
    /// What each unit of it adds to the pull.
    pub factor: f64,
}

impl Preference {
    /// Most that one wish pulls or pushes, whatever the amount.
    pub const MOST: f64 = 5.0;

    /// What the wish adds to the pull of a machine called `name` (its id is `id`), within ±[`Preference::MOST`]: its strength if the
    /// machine is as wished, or what its amount counts; 0 if it is not, or nobody said the figure.
    #[must_use]
    pub fn pull(&self, capabilities: &Capabilities, name: &str, id: &str) -> f64 {
        match &self.per_unit {
            Some(per) => capabilities
                .amounts
                .get(&per.name)
                .map_or(0.0, |amount| (amount * per.factor).clamp(-Self::MOST, Self::MOST)),
            None if self.what.unmet(capabilities, name, id).is_empty() => f64::from(self.strength),
            None => 0.0,
        }
    }
}

impl fmt::Display for Preference {
    /// As [`Preference::from_str`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.per_unit {
            Some(per) => write!(f, "{} * {}", self.words, per.factor),
            None => write!(f, "{} * {}", self.words, self.strength),
        }
    }
}

/// Why a preference in words was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PreferenceError {
    /// What is wished for is unreadable.
    #[error(transparent)]
    What(#[from] NeedError),
    /// It says what to reserve, which every machine can.
    #[error("'{text}' is not a wish but a requirement: every machine can give all the cores it lends")]
    AllCores {
        /// The text as given.
        text: String,
    },
    /// It counts by the unit, and the part after `*` is no number that could.
    #[error("what each unit counts in '{text}' is not a number from -1000 to 1000, other than 0 (try 'watts * -0.01')")]
    Factor {
        /// The text as given.
        text: String,
    },
    /// The part after `*` is not a whole number from −5 to 5.
    #[error("the strength of '{text}' is not a whole number from -5 to 5")]
    Strength {
        /// The text as given.
        text: String,
    },
}

impl FromStr for Preference {
    type Err = PreferenceError;

    /// Reads `REQUIREMENT` or `REQUIREMENT * STRENGTH`, with 2 when that is absent; or `watts * FACTOR`, `tariff * FACTOR`.
    fn from_str(text: &str) -> Result<Self, PreferenceError> {
        if let Some(wish) = by_the_unit(text) {
            return wish;
        }
        let (what, strength) = match text.rsplit_once('*') {
            Some((what, strength)) => {
                let strength: i8 = strength.trim().parse().unwrap_or(i8::MAX);
                if !(-5..=5).contains(&strength) {
                    return Err(PreferenceError::Strength { text: text.to_owned() });
                }
                (what, strength)
            }
            None => (text, 2),
        };
        let (what, words): (Needs, _) = (what.parse()?, what.trim().to_owned());
        if what.all_cores {
            return Err(PreferenceError::AllCores { text: words });
        }
        Ok(Self { what, words, strength, per_unit: None })
    }
}

/// Reads `watts * FACTOR`; `None` for a wish of another kind.
fn by_the_unit(text: &str) -> Option<Result<Preference, PreferenceError>> {
    let (word, factor) = text.rsplit_once('*').map_or((text, None), |(word, factor)| (word, Some(factor)));
    let words = word.trim().to_lowercase();
    let (_, name, _) = AMOUNT_WORDS.iter().find(|(known, name, _)| *known == words && FIGURES.contains(name))?;
    let factor = factor.and_then(|factor| factor.trim().parse::<f64>().ok());
    let Some(factor) = factor.filter(|factor| factor.abs() <= MOST_FACTOR && *factor != 0.0) else {
        return Some(Err(PreferenceError::Factor { text: text.to_owned() }));
    };
    let per_unit = Some(PerUnit { name: (*name).to_owned(), factor });
    Some(Ok(Preference { what: Needs::default(), words, strength: 0, per_unit }))
}

/// Largest factor of a wish by the unit: with it a thousandth of a unit counts as much as a strength of 1.
const MOST_FACTOR: f64 = 1_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Capabilities {
        let mut all = Capabilities::default();
        all.amount("amount.worker.memory", 16_384.0);
        all.amount("amount.worker.vcpu", 8.0);
        all.amount("amount.tool.blender", 3.04);
        all.attribute("attr.worker.tool", "blender");
        all.attribute("attr.worker.os.family", "linux");
        all.attribute("attr.label.tier", "gpu");
        all
    }

    fn fits(text: &str) -> bool {
        text.parse::<Needs>().unwrap().unmet(&machine(), "mill", "abcdef").is_empty()
    }

    #[test]
    fn requirements_in_words_are_checked_against_a_machine() {
        for text in [
            "ram > 8 GB",
            "cores >= 8",
            "tool:blender",
            "tool:blender >= 3.4",
            "os = Linux",
            "tier:gpu",
            "tier = GPU",
            "machine = Mill",
        ] {
            assert!(fits(text), "{text}");
        }
        for text in ["ram > 64 GB", "cores > 8", "gpu", "tool:blender >= 4.2", "tool:maya", "tier:cpu", "machine=other"]
        {
            assert!(!fits(text), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_text_in_the_sentence() {
        for text in
            ["", "ram", "ram > lots", "ram = all", "cores > all", "> 3", "gpu gpu", "a b = c", "tool:blender >= new"]
        {
            let error = text.parse::<Needs>().unwrap_err();
            assert!(error.to_string().contains(&format!("'{text}'")), "{error}");
        }
    }

    #[test]
    fn licences_are_counted_by_limit_and_no_question_of_fit() {
        let mut needs = "limit:nuke".parse::<Needs>().unwrap();
        needs.merge("limit:Houdini >= 2".parse().unwrap());
        needs.merge("limit:nuke = 3".parse().unwrap());
        assert!(needs.unmet(&machine(), "mill", "x").is_empty());
        let limits: Vec<_> = needs.limits().into_iter().map(|need| (need.name, need.count)).collect();
        assert_eq!(limits, [("houdini".to_owned(), 2), ("nuke".to_owned(), 3)]);
        for text in ["limit:nuke >= 0", "limit:nuke > 1", "limit:nuke >= some", "limit:", "limit:a.b"] {
            assert!(text.parse::<Needs>().is_err(), "{text}");
        }
    }

    #[test]
    fn all_cores_fit_any_machine_and_stay_asked_for_when_merged() {
        let mut needs = "CPUs = All".parse::<Needs>().unwrap();
        assert_eq!(needs, "cores=all".parse().unwrap());
        needs.merge("cores >= 4".parse().unwrap());
        assert!(needs.all_cores && needs.unmet(&machine(), "mill", "x").is_empty());
        assert_eq!(needs.reserve("amount.worker.vcpu", 1.0), 4.0);
        assert!(!"cores = 8".parse::<Needs>().unwrap().all_cores);
    }

    #[test]
    fn an_unmet_requirement_says_what_the_machine_has() {
        let unmet = "ram >= 64 GB".parse::<Needs>().unwrap().unmet(&machine(), "mill", "x");
        assert_eq!(unmet[0].to_string(), "needs ram ≥ 64 GB, has 17 GB");
    }

    #[test]
    fn a_remedy_is_something_a_person_can_do() {
        let remedy = |text: &str| text.parse::<Needs>().unwrap().unmet(&machine(), "mill", "x")[0].remedy();
        assert_eq!(remedy("ram >= 64 GB"), "ask for ram ≥ 17 GB");
        assert_eq!(remedy("gpu"), "leave out the need for gpus");
        assert_eq!(remedy("tool:blender >= 4.2"), "install blender 4.2 there, or ask for 3.4");
        assert_eq!(remedy("tool:maya"), "install maya there");
        assert_eq!(remedy("tier = cpu"), "label it tier=cpu");
        assert_eq!(remedy("machine = other"), "let the job run there, too");
    }

    #[test]
    fn a_preference_carries_its_strength() {
        assert_eq!("gpu * 5".parse::<Preference>().unwrap().strength, 5);
        assert_eq!("gpu".parse::<Preference>().unwrap().strength, 2);
        assert!("gpu * 9".parse::<Preference>().is_err());
        assert!("cores = all * 3".parse::<Preference>().is_err());
        for text in ["gpu * 5", "ram > 8 GB * -2", "watts * -0.01"] {
            assert_eq!(text.parse::<Preference>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_wish_by_the_unit_counts_what_a_machine_has_within_bounds_and_nothing_without_a_figure() {
        let pull = |text: &str, watts: f64| {
            let mut all = machine();
            all.amount(Power::WATTS, watts);
            text.parse::<Preference>().unwrap().pull(&all, "mill", "x")
        };
        assert!((pull("watts * -0.01", 180.0) + 1.8).abs() < 1e-12);
        assert_eq!(pull("Watts * -0.01", 1e5), -5.0);
        assert_eq!(pull("watts < 200 * 3", 180.0), 3.0);
        assert_eq!(pull("watts < 100 * 3", 180.0), 0.0);
        assert_eq!("tariff * 2".parse::<Preference>().unwrap().pull(&machine(), "mill", "x"), 0.0);
        for text in ["watts", "watts * much", "watts * 0", "watts * 1e9", "tariff * nan", "watts *"] {
            let error = text.parse::<Preference>().unwrap_err();
            assert!(error.to_string().contains(&format!("'{text}'")), "{error}");
        }
        assert!("cores * 0.5".parse::<Preference>().is_err(), "others do not count by the unit");
    }

    #[test]
    fn a_figure_that_nobody_said_is_unknown_and_meets_nothing() {
        let unmet = "watts < 200".parse::<Needs>().unwrap().unmet(&machine(), "mill", "x");
        assert_eq!(unmet[0].to_string(), "needs watts, and nobody said its watts");
        assert_eq!(unmet[0].remedy(), "say it there: gridwell set watts=NUMBER");
        let mut all = machine();
        all.amount(Power::WATTS, 250.0);
        let unmet = "watts <= 200".parse::<Needs>().unwrap().unmet(&all, "mill", "x");
        assert_eq!(unmet[0].to_string(), "needs watts ≤ 200, has 250");
        all.amount(Power::WATTS, 150.0);
        assert!("watts <= 200".parse::<Needs>().unwrap().unmet(&all, "mill", "x").is_empty());
    }
}
