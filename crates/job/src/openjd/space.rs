use gridwell_model::{Chunking, TaskSpan};
use openjd_expr::{ExprValue, RangeExpr};
use openjd_model::{
    job::{ResolvedChunks, StepParameterSpace, TaskParamRange, TaskParameter},
    template::RangeConstraint,
};

/// The parameter space of a step, addressed by index; nothing is materialised.
///
/// The crate's iterator numbers tasks with the rightmost parameter fastest. Ours does the same, but moves the chunked
/// parameter to the right end, so that a chunk is a run of neighbours.
#[derive(Debug, Clone)]
pub(super) struct Space {
    names: Vec<String>,
    values: Vec<Values>,
    root: Node,
    chunk: Option<Chunk>,
}

#[derive(Debug, Clone)]
enum Values {
    Range(RangeExpr),
    Ints(Vec<i64>),
    Texts(Vec<ExprValue>),
    Paths(Vec<String>),
}

#[derive(Debug, Clone)]
enum Node {
    Leaf {
        parameter: usize,
        len: u64,
    },
    /// The rightmost child varies fastest.
    Product {
        children: Vec<Self>,
        len: u64,
    },
    /// All children step together.
    Zip {
        children: Vec<Self>,
        len: u64,
    },
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    parameter: usize,
    /// Number of values of the chunked parameter.
    len: u64,
    contiguous: bool,
    chunking: Chunking,
}

/// A parameter's value for one task, before path mapping.
#[derive(Debug, Clone)]
pub(super) enum SpaceValue {
    /// A number or a text.
    Plain(ExprValue),
    /// A path of the author.
    Path(String),
}

/// Why a span is not one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpanRefusal {
    Outside,
    NotOneRun(&'static str),
}

impl Space {
    /// Reads a space that the crate has checked; a combination that does not parse falls back to the product of all, which
    /// cannot happen to a checked one.
    pub(super) fn new(space: &StepParameterSpace) -> Self {
        let definitions = &space.task_parameter_definitions;
        let names: Vec<_> = definitions.keys().cloned().collect();
        let values: Vec<_> = definitions.values().map(Values::of).collect();
        let leaf = |parameter: usize| Node::Leaf { parameter, len: values[parameter].len() };
        let product = || Node::product((0..names.len()).map(leaf).collect());
        let mut root = match space.combination.as_deref().map(str::trim) {
            None | Some("" | "*") => product(),
            Some(text) => Parser { text, names: &names, leaf: &leaf }.parse().unwrap_or_else(product),
        };
        let chunked = definitions.values().enumerate().find_map(|(at, one)| match one {
            TaskParameter::ChunkInt { chunks, .. } => Some((at, chunks)),
            _ => None,
        });
        let chunk = chunked.and_then(|(at, chunks)| root.move_last(at).then(|| Chunk::new(at, &values[at], chunks)));
        Self { names, values, root, chunk }
    }

    /// Number of tasks, saturating.
    pub(super) fn len(&self) -> u64 {
        self.root.len()
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn chunking(&self) -> Option<Chunking> {
        self.chunk.map(|chunk| chunk.chunking)
    }

    /// The values of one run, in the template's order. Cost: the logarithm of the number of sub-ranges per parameter, and
    /// the length of the span for a chunk with gaps.
    pub(super) fn get(&self, span: TaskSpan) -> Result<Vec<SpaceValue>, SpanRefusal> {
        let (start, end) = (u64::from(span.start), u64::from(span.end));
        if span.is_empty() || end > self.len() {
            return Err(SpanRefusal::Outside);
        }
        let mut at = vec![0; self.names.len()];
        self.root.locate(start, &mut at);
        let mut all: Vec<_> = self.values.iter().zip(&at).map(|(values, at)| values.get(*at)).collect();
        match self.chunk {
            None if span.len() > 1 => return Err(SpanRefusal::NotOneRun("the step is not chunked")),
            None => {}
            Some(chunk) => {
                if start / chunk.len != (end - 1) / chunk.len {
                    return Err(SpanRefusal::NotOneRun("they differ in more than the chunked parameter"));
                }
                let values = &self.values[chunk.parameter];
                let first = at[chunk.parameter];
                all[chunk.parameter] = chunk.value(values, first, end - start)?;
            }
        }
        Ok(all)
    }
}

impl Values {
    fn of(parameter: &TaskParameter) -> Self {
        match parameter {
            TaskParameter::Int { range, .. } | TaskParameter::ChunkInt { range, .. } => match range {
                TaskParamRange::List(values) => Self::Ints(values.clone()),
                TaskParamRange::RangeExpr(range) => Self::Range(range.clone()),
            },
            TaskParameter::Float { range } => Self::Texts(range.iter().cloned().map(ExprValue::Float).collect()),
            TaskParameter::String { range } => Self::Texts(range.iter().cloned().map(ExprValue::String).collect()),
            TaskParameter::Path { range } => Self::Paths(range.clone()),
        }
    }

    fn len(&self) -> u64 {
        let len = match self {
            Self::Range(range) => range.len(),
            Self::Ints(all) => all.len(),
            Self::Texts(all) => all.len(),
            Self::Paths(all) => all.len(),
        };
        len as u64
    }

    fn int(&self, at: u64) -> i64 {
        match self {
            Self::Range(range) => i64::try_from(at).ok().and_then(|at| range.get(at)).unwrap_or_default(),
            Self::Ints(all) => usize::try_from(at).ok().and_then(|at| all.get(at)).copied().unwrap_or_default(),
            Self::Texts(_) | Self::Paths(_) => 0,
        }
    }

    fn get(&self, at: u64) -> SpaceValue {
        let place = usize::try_from(at).unwrap_or(usize::MAX);
        match self {
            Self::Range(_) | Self::Ints(_) => SpaceValue::Plain(ExprValue::Int(self.int(at))),
            Self::Texts(all) => SpaceValue::Plain(all[place].clone()),
            Self::Paths(all) => SpaceValue::Path(all[place].clone()),
        }
    }

    /// The largest number of which every run of neighbouring integers starts at a multiple: chunks within rows of that
    /// length never hold a gap.
    fn gapless_row(&self) -> u64 {
        let mut runs = Runs::default();
        match self {
            Self::Range(range) => {
                for part in range.ranges() {
                    if part.step() != 1 && part.len() > 1 {
                        return 1;
                    }
                    runs.push(part.start(), part.end());
                }
            }
            Self::Ints(all) => all.iter().for_each(|value| runs.push(*value, *value)),
            Self::Texts(_) | Self::Paths(_) => return 1,
        }
        runs.common_len()
    }
}

/// Runs of neighbouring integers, reduced to what divides all their lengths.
#[derive(Default)]
struct Runs {
    common: u64,
    open: Option<(i64, i64)>,
}

impl Runs {
    fn push(&mut self, first: i64, last: i64) {
        match &mut self.open {
            Some((_, end)) if end.checked_add(1) == Some(first) => *end = last,
            open => {
                let closed = open.replace((first, last));
                self.close(closed);
            }
        }
    }

    fn close(&mut self, run: Option<(i64, i64)>) {
        if let Some((first, last)) = run {
            self.common = greatest_common_divisor(self.common, last.abs_diff(first) + 1);
        }
    }

    fn common_len(mut self) -> u64 {
        let last = self.open.take();
        self.close(last);
        self.common.max(1)
    }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl Chunk {
    fn new(parameter: usize, values: &Values, chunks: &ResolvedChunks) -> Self {
        let len = values.len().max(1);
        let contiguous = chunks.range_constraint == RangeConstraint::Contiguous;
        let row = if contiguous { values.gapless_row() } else { len };
        let chunking = Chunking {
            default_count: u32::try_from(chunks.default_task_count).unwrap_or(u32::MAX).max(1),
            target_secs: chunks.target_runtime_seconds.map_or(0, |secs| u32::try_from(secs).unwrap_or(u32::MAX)),
            row: u32::try_from(row).unwrap_or(u32::MAX),
        };
        Self { parameter, len, contiguous, chunking }
    }

    fn value(&self, values: &Values, first: u64, count: u64) -> Result<SpaceValue, SpanRefusal> {
        let gap = SpanRefusal::NotOneRun("the chunk must be contiguous and has a gap");
        let range = if self.contiguous {
            let (low, high) = (values.int(first), values.int(first + count - 1));
            if i128::from(high) - i128::from(low) + 1 != i128::from(count) {
                return Err(gap);
            }
            // Always `first-last`, also for a single value.
            let part = openjd_expr::range_expr::IntRange::new(low, high, 1).map_err(|_| gap)?;
            RangeExpr::from_ranges(vec![part]).map_err(|_| gap)?.with_contiguous(true)
        } else {
            let all = (first..first + count).map(|at| values.int(at)).collect();
            RangeExpr::from_values(all).map_err(|_| SpanRefusal::NotOneRun("its values are out of bounds"))?
        };
        Ok(SpaceValue::Plain(ExprValue::RangeExpr(range)))
    }
}

impl Node {
    fn product(mut children: Vec<Self>) -> Self {
        if children.len() == 1 {
            return children.remove(0);
        }
        let len = children.iter().fold(1_u64, |len, child| len.saturating_mul(child.len()));
        Self::Product { children, len }
    }

    fn len(&self) -> u64 {
        match self {
            Self::Leaf { len, .. } | Self::Product { len, .. } | Self::Zip { len, .. } => *len,
        }
    }

    fn locate(&self, mut index: u64, at: &mut [u64]) {
        match self {
            Self::Leaf { parameter, .. } => at[*parameter] = index,
            Self::Product { children, .. } => {
                for child in children.iter().rev() {
                    let len = child.len().max(1);
                    child.locate(index % len, at);
                    index /= len;
                }
            }
            Self::Zip { children, .. } => children.iter().for_each(|child| child.locate(index, at)),
        }
    }

    /// Makes `wanted` vary fastest; false when it is part of a zip.
    fn move_last(&mut self, wanted: usize) -> bool {
        let is_it = |node: &Self| matches!(node, Self::Leaf { parameter, .. } if *parameter == wanted);
        match self {
            Self::Product { children, .. } => match children.iter().position(is_it) {
                Some(at) => {
                    children[at..].rotate_left(1);
                    true
                }
                None => false,
            },
            other => is_it(other),
        }
    }
}

/// Reads a combination expression: products of names and parenthesised zips.
struct Parser<'a, F> {
    text: &'a str,
    names: &'a [String],
    leaf: &'a F,
}

impl<F: Fn(usize) -> Node> Parser<'_, F> {
    fn parse(mut self) -> Option<Node> {
        let node = self.product()?;
        self.text.trim_start().is_empty().then_some(node)
    }

    fn take(&mut self, wanted: char) -> bool {
        match self.text.trim_start().strip_prefix(wanted) {
            Some(rest) => {
                self.text = rest;
                true
            }
            None => false,
        }
    }

    fn product(&mut self) -> Option<Node> {
        let mut children = vec![self.element()?];
        while self.take('*') {
            children.push(self.element()?);
        }
        Some(Node::product(children))
    }

    fn element(&mut self) -> Option<Node> {
        if self.take('(') {
            return self.zip();
        }
        let text = self.text.trim_start();
        let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        self.text = rest;
        self.names.iter().position(|have| have == name).map(self.leaf)
    }

    fn zip(&mut self) -> Option<Node> {
        let mut children = vec![self.product()?];
        while self.take(',') {
            children.push(self.product()?);
        }
        let len = children.iter().map(Node::len).min()?;
        self.take(')').then_some(Node::Zip { children, len })
    }
}
