/// What a name stands for.
pub(super) struct Declared {
    pub(super) docs: Vec<String>,
    pub(super) form: Form,
}

/// A type, as far as its parts may need lines of their own.
pub(super) enum Form {
    /// A name, a literal, a list or a map, with everything inside.
    Word(String),
    Object(Vec<Field>),
    /// `A | B`.
    Either(Vec<Self>),
    /// `A & B`.
    Both(Vec<Self>),
}

pub(super) struct Field {
    pub(super) docs: Vec<String>,
    /// With its `?`.
    pub(super) name: String,
    pub(super) form: Form,
}

/// Longest line, as in the other sources of the window.
const LINE_CHARS: usize = 120;

/// Writes a declaration for people: an object with comments, and a union that is too long, get a line for each part.
pub(super) fn declaration(name: &str, Declared { docs, form }: &Declared) -> String {
    let head = format!("export type {name} =");
    let line = format!("{head} {}", form.on_one_line());
    let body = if form.has_comments() || line.len() >= LINE_CHARS { form.on_lines(0) } else { form.on_one_line() };
    // A union on lines of its own begins below the name.
    let gap = if body.starts_with('\n') { "" } else { " " };
    format!("{}{head}{gap}{body};\n", comment(docs, ""))
}

/// Writes a comment of these lines, or nothing.
fn comment(lines: &[String], indent: &str) -> String {
    match lines {
        [] => String::new(),
        [line] => format!("{indent}/** {line} */\n"),
        lines => {
            let text: String =
                lines.iter().map(|line| format!("{indent} * {line}").trim_end().to_owned() + "\n").collect();
            format!("{indent}/**\n{text}{indent} */\n")
        }
    }
}

impl Form {
    /// Reads a definition as ts-rs writes it.
    pub(super) fn read(text: &str) -> Self {
        Reader { rest: text }.either()
    }

    fn has_comments(&self) -> bool {
        match self {
            Self::Word(_) => false,
            Self::Object(fields) => fields.iter().any(|field| !field.docs.is_empty() || field.form.has_comments()),
            Self::Either(forms) | Self::Both(forms) => forms.iter().any(Self::has_comments),
        }
    }

    fn on_one_line(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Object(fields) => {
                let fields: Vec<_> =
                    fields.iter().map(|field| format!("{}: {}", field.name, field.form.on_one_line())).collect();
                format!("{{ {} }}", fields.join("; "))
            }
            Self::Either(forms) => joined(forms, " | "),
            Self::Both(forms) => joined(forms, " & "),
        }
    }

    fn on_lines(&self, depth: usize) -> String {
        let (outer, inner) = ("  ".repeat(depth), "  ".repeat(depth + 1));
        match self {
            Self::Word(word) => word.clone(),
            Self::Object(fields) => {
                let lines = fields.iter().map(|field| {
                    let form = field.form.fitting(depth + 1);
                    format!("{}{inner}{}: {form};\n", comment(&field.docs, &inner), field.name)
                });
                format!("{{\n{}{outer}}}", lines.collect::<String>())
            }
            Self::Either(forms) => {
                forms.iter().map(|form| format!("\n{inner}| {}", form.grouped(form.fitting(depth + 1)))).collect()
            }
            Self::Both(forms) => {
                let parts = forms.iter().map(|form| match form {
                    Self::Either(_) => format!("({}\n{outer})", form.on_lines(depth)),
                    _ => form.fitting(depth),
                });
                parts.collect::<Vec<_>>().join(" & ")
            }
        }
    }

    fn fitting(&self, depth: usize) -> String {
        if self.has_comments() { self.on_lines(depth) } else { self.on_one_line() }
    }

    /// In parentheses where `&` or `|` would otherwise take it apart.
    fn grouped(&self, text: String) -> String {
        match self {
            Self::Either(_) | Self::Both(_) => format!("({text})"),
            Self::Word(_) | Self::Object(_) => text,
        }
    }
}

fn joined(forms: &[Form], with: &str) -> String {
    forms.iter().map(|form| form.grouped(form.on_one_line())).collect::<Vec<_>>().join(with)
}

/// The lines inside a comment as ts-rs writes it, without the links that only Rust's documentation follows.
pub(super) fn lines_of(comment: &str) -> Vec<String> {
    let inside = comment.trim().trim_start_matches("/**").trim_end_matches("*/").trim();
    let plain = inside.replace("[`", "`").replace("`]", "`").replace("crate::", "");
    plain.lines().map(|line| line.trim().trim_start_matches('*').trim().to_owned()).collect()
}

/// Reads what ts-rs writes: trusted text, so that anything unexpected ends up in a word.
struct Reader<'text> {
    rest: &'text str,
}

impl Reader<'_> {
    fn take(&mut self, mark: &str) -> bool {
        self.rest = self.rest.trim_start();
        let found = self.rest.strip_prefix(mark);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn either(&mut self) -> Form {
        self.list("|", Self::both, Form::Either)
    }

    fn both(&mut self) -> Form {
        self.list("&", Self::one, Form::Both)
    }

    fn list(&mut self, mark: &str, part: fn(&mut Self) -> Form, whole: fn(Vec<Form>) -> Form) -> Form {
        let mut first = part(self);
        let mut parts = Vec::new();
        while self.take(mark) {
            parts.push(std::mem::replace(&mut first, part(self)));
        }
        if parts.is_empty() {
            return first;
        }
        parts.push(first);
        whole(parts)
    }

    fn one(&mut self) -> Form {
        if self.take("(") {
            let form = self.either();
            self.take(")");
            return form;
        }
        // A map has the braces of an object but no fields.
        let is_map = self.rest.trim_start().starts_with("{ [");
        if !is_map && self.take("{") {
            return self.object();
        }
        Form::Word(self.until(&['|', '&', ',', '}', ')']).trim().to_owned())
    }

    fn object(&mut self) -> Form {
        let mut fields = Vec::new();
        while !self.take("}") && !self.rest.is_empty() {
            let docs = if self.take("/**") { lines_of(&self.comment()) } else { Vec::new() };
            let name = self.until(&[':']).trim().trim_matches('"').replace("\"?", "?");
            self.take(":");
            let form = self.either();
            self.take(",");
            fields.push(Field { docs, name, form });
        }
        Form::Object(fields)
    }

    fn comment(&mut self) -> String {
        let (comment, rest) = self.rest.split_once("*/").unwrap_or((self.rest, ""));
        self.rest = rest;
        comment.to_owned()
    }

    /// Everything before one of `ends` that is inside no brackets of its own.
    fn until(&mut self, ends: &[char]) -> String {
        let mut open = 0_i32;
        let at = self.rest.char_indices().find(|(_, letter)| {
            let ended = open == 0 && ends.contains(letter);
            open += i32::from(matches!(letter, '<' | '[' | '{' | '('));
            open -= i32::from(matches!(letter, '>' | ']' | '}' | ')'));
            ended
        });
        let (taken, rest) = self.rest.split_at(at.map_or(self.rest.len(), |(at, _)| at));
        self.rest = rest;
        taken.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pretty(docs: &[&str], name: &str, definition: &str) -> String {
        let docs = docs.iter().map(ToString::to_string).collect();
        declaration(name, &Declared { docs, form: Form::read(definition) })
    }

    #[test]
    fn what_fits_on_a_line_stays_on_it() {
        let span = pretty(&[], "Span", r#"{ "start": number, end: number, }"#);
        assert_eq!(span, "export type Span = { start: number; end: number };\n");
        assert_eq!(pretty(&["One."], "Id", "string"), "/** One. */\nexport type Id = string;\n");
        let map = pretty(&[], "Map", "{ names: { [key in string]: string | null }, pairs: Array<[string, number]>, }");
        assert_eq!(
            map,
            "export type Map = { names: { [key in string]: string | null }; pairs: Array<[string, number]> };\n"
        );
    }

    #[test]
    fn fields_with_comments_and_long_unions_get_lines() {
        let event = "{ \n/**\n * Its number.\n */\nseq: number, } & ({ \"is\": \"a\", of: A } | { \"is\": \"b\" })";
        let lines = [
            "export type Event = {",
            "  /** Its number. */",
            "  seq: number;",
            "} & (",
            "  | { is: \"a\"; of: A }",
            "  | { is: \"b\" }",
            ");\n",
        ];
        assert_eq!(pretty(&[], "Event", event), lines.join("\n"));
        let many: Vec<String> = (0..20).map(|number| format!("\"word{number}\"")).collect();
        let union = pretty(&[], "Words", &many.join(" | "));
        assert!(union.starts_with("export type Words =\n  | \"word0\"\n  | \"word1\"\n"), "{union}");
        assert!(union.ends_with("  | \"word19\";\n"), "{union}");
    }

    #[test]
    fn parts_of_a_union_keep_their_parentheses() {
        let wish = pretty(&[], "Wish", r#"{ "ask": "a" } | { "ask": "b" } & B"#);
        assert_eq!(wish, "export type Wish = { ask: \"a\" } | ({ ask: \"b\" } & B);\n");
    }
}
