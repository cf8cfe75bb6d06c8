use console::{Alignment, measure_text_width, pad_str, style, truncate_str};

use super::clean;

/// Space between columns.
const GAP: &str = "  ";
/// A column is never cut below this.
const LEAST_WIDTH: usize = 8;

/// A table for people: a heading, one line a row, cut to the given width at its widest columns.
#[derive(Debug)]
pub(crate) struct Table {
    heads: Vec<&'static str>,
    right: Vec<bool>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Columns by their headings; one that starts with `>` is aligned to the right.
    pub(crate) fn new(heads: &[&'static str]) -> Self {
        let right = heads.iter().map(|head| head.starts_with('>')).collect();
        Self { heads: heads.iter().map(|head| head.trim_start_matches('>')).collect(), right, rows: Vec::new() }
    }

    /// Adds a row; cells are cleaned, so only [`Table::styled`] may hold colours.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| clean(&cell)).collect());
    }

    /// Replaces a cell of the last row by a text with colours, made here.
    pub(crate) fn styled(&mut self, column: usize, cell: String) {
        if let Some(place) = self.rows.last_mut().and_then(|row| row.get_mut(column)) {
            *place = cell;
        }
    }

    /// The table's text, no line wider than `columns` as long as the columns' least widths allow.
    ///
    /// Columns without any content are left out.
    pub(crate) fn render(&self, columns: usize) -> String {
        let used: Vec<bool> = (0..self.heads.len()).map(|at| self.is_used(at)).collect();
        if used.contains(&false) && used.contains(&true) {
            return self.only(&used).render(columns);
        }
        let widths = self.widths(columns);
        let heads: Vec<String> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        let mut text = style(self.line(&heads, &widths)).dim().to_string();
        text.push('\n');
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn is_used(&self, column: usize) -> bool {
        self.rows.iter().any(|row| row.get(column).is_some_and(|cell| !cell.is_empty()))
    }

    fn only(&self, used: &[bool]) -> Self {
        Self {
            heads: kept(&self.heads, used),
            right: kept(&self.right, used),
            rows: self.rows.iter().map(|row| kept(row, used)).collect(),
        }
    }

    fn widths(&self, columns: usize) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|head| head.len()).collect();
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(measure_text_width(cell));
            }
        }
        let mut excess =
            (widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)).saturating_sub(columns);
        while excess > 0 {
            let Some(widest) = widths.iter_mut().max().filter(|width| **width > LEAST_WIDTH) else { break };
            *widest -= 1;
            excess -= 1;
        }
        widths
    }

    fn line(&self, cells: &[String], widths: &[usize]) -> String {
        let padded = cells.iter().zip(widths).zip(&self.right).map(|((cell, width), right)| {
            let cut = truncate_str(cell, *width, "…");
            let side = if *right { Alignment::Right } else { Alignment::Left };
            pad_str(&cut, *width, side, None).into_owned()
        });
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    }
}

fn kept<T: Clone>(all: &[T], used: &[bool]) -> Vec<T> {
    all.iter().zip(used).filter(|(_, used)| **used).map(|(one, _)| one.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_its_columns_and_cuts_the_widest() {
        let mut table = Table::new(&["ID", "NAME", ">DONE"]);
        table.row(["abcd".into(), "a very long name ".repeat(8), "3".into()]);
        table.row(["efgh".into(), "短い名前".into(), "12".into()]);
        let text = table.render(40);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines.iter().all(|line| measure_text_width(line) <= 40), "{text}");
        assert!(lines[1].contains('…') && lines[1].ends_with(" 3"), "{text}");
        assert!(lines[2].ends_with("12"), "{text}");
        assert!(table.render(usize::MAX).contains("name a very long name a"), "nothing is cut for a pipe");
    }

    #[test]
    fn an_empty_column_is_left_out() {
        let mut table = Table::new(&["NAME", "GPU", ">N"]);
        table.row(["mill".into(), String::new(), "1".into()]);
        assert_eq!(console::strip_ansi_codes(&table.render(80)), "NAME  N\nmill  1\n");
    }

    #[test]
    fn a_cell_stays_on_its_line() {
        let mut table = Table::new(&["NAME"]);
        table.row(["two\nlines\u{1b}[31m".into()]);
        assert_eq!(table.render(80).lines().count(), 2);
    }
}
