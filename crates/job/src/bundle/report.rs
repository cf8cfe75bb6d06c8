/// What became of a bundle's content, in sentences for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What was taken over.
    pub understood: Vec<String>,
    /// What has no effect here, and why.
    pub ignored: Vec<String>,
    /// What gets lost because there is no way to say it.
    pub lost: Vec<String>,
}

impl Report {
    pub(super) fn understood(&mut self, line: impl Into<String>) {
        self.understood.push(line.into());
    }

    pub(super) fn ignored(&mut self, line: impl Into<String>) {
        self.ignored.push(line.into());
    }

    pub(super) fn lost(&mut self, line: impl Into<String>) {
        self.lost.push(line.into());
    }
}
