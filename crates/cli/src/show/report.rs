//! A report as people read it: as text, Markdown, a page, or rows for a spreadsheet.
//!
//! [`Page`] holds all words; the forms only lay them out.

mod chart;
mod csv;
mod figure;
mod html;
mod markdown;
mod page;
mod text;
mod words;

pub(crate) use self::chart::{Shade, strips};
pub(crate) use self::csv::csv;
pub(crate) use self::html::html;
pub(crate) use self::markdown::markdown;
pub(crate) use self::page::{FIGURES, Page, Section, figure_row};
pub(crate) use self::text::text;
