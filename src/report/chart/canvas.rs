//! A sheet of paper to draw SVG on: rectangles, lines and text in whole pixels, and the width of text.

use plotters::coord::Shift;
use plotters::drawing::{DrawingArea, IntoDrawingArea};
use plotters::element::{Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::prelude::SVGBackend;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, FontTransform, IntoFont, RGBAColor, RGBColor, ShapeStyle, TextStyle};

use super::palette::{INK, WHITE};

/// Every viewer has one; the widths below are those of a wide face, so that text fits in any of them.
const FONT_FAMILY: &str = "sans-serif";

/// plotters draws text of size `s` with `font-size: s / 1.24`.
const FONT_SCALE: f64 = 1.24;

/// Where to draw.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Makes an SVG of that size with a white ground.
pub(super) fn draw(width: i32, height: i32, paint: impl FnOnce(&Canvas)) -> String {
    let mut svg = String::new();
    {
        let size = (width.unsigned_abs(), height.unsigned_abs());
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, size).into_drawing_area() };
        canvas.fill((0, 0), (width, height), WHITE.to_rgba());
        paint(&canvas);
        canvas.area.present().expect("a string takes all text");
    }
    svg
}

impl Canvas<'_> {
    /// A filled rectangle. Nothing is drawn if it is empty.
    pub fn fill(&self, (x0, y0): (i32, i32), (x1, y1): (i32, i32), color: RGBAColor) {
        if x1 > x0 && y1 > y0 {
            self.element(&Rectangle::new([(x0, y0), (x1, y1)], color.filled()));
        }
    }

    /// A filled polygon.
    pub fn polygon(&self, corners: &[(i32, i32)], color: RGBAColor) {
        self.element(&Polygon::new(corners.to_vec(), color.filled()));
    }

    /// The border of a rectangle.
    pub fn outline(&self, from: (i32, i32), to: (i32, i32), color: RGBColor) {
        self.element(&Rectangle::new([from, to], ShapeStyle::from(&color).stroke_width(1)));
    }

    /// A line through points.
    pub fn line(&self, points: &[(i32, i32)], color: RGBAColor, width: u32) {
        self.element(&PathElement::new(points.to_vec(), ShapeStyle { color, filled: false, stroke_width: width }));
    }

    /// An upright line of dashes.
    pub fn dashed_upright(&self, x: i32, (y0, y1): (i32, i32), color: RGBAColor, (dash, gap): (i32, i32)) {
        let mut y = y0;
        while y < y1 {
            self.line(&[(x, y), (x, (y + dash).min(y1))], color, 1);
            y += dash + gap;
        }
    }

    /// Text.
    pub fn text(&self, at: (i32, i32), label: &Label) {
        if label.text.is_empty() {
            return;
        }
        let font = (FONT_FAMILY, f64::from(label.size) * FONT_SCALE).into_font();
        let font = font.style(if label.bold { FontStyle::Bold } else { FontStyle::Normal });
        let font = if label.upright { font.transform(FontTransform::Rotate270) } else { font };
        let style = TextStyle::from(font).color(&label.color).pos(Pos::new(label.horizontal, label.vertical));
        self.element(&Text::new(label.text.clone(), at, style));
    }

    /// Text on a ground that keeps what lies behind it from being read.
    pub fn text_on_ground(&self, (x, y): (i32, i32), label: &Label) {
        let (width, half) = (label.width(), label.size / 2 + 3);
        let left = match label.horizontal {
            HPos::Left => x,
            HPos::Right => x - width,
            HPos::Center => x - width / 2,
        };
        self.fill((left - 3, y - half), (left + width + 3, y + half), WHITE.mix(0.85));
        self.text((x, y), label);
    }

    fn element<E>(&self, element: &E)
    where
        for<'b> &'b E: PointCollection<'b, (i32, i32)>,
        for<'b> E: Drawable<SVGBackend<'b>>,
    {
        self.area.draw(element).expect("a string takes all text");
    }
}

/// A piece of text and how it looks. Its anchor is the left end of its middle line unless said otherwise.
#[derive(Clone)]
pub(super) struct Label {
    text: String,
    size: i32,
    color: RGBColor,
    bold: bool,
    upright: bool,
    horizontal: HPos,
    vertical: VPos,
}

impl Label {
    pub fn new(text: impl Into<String>, size: i32) -> Self {
        Label {
            text: text.into(),
            size,
            color: INK,
            bold: false,
            upright: false,
            horizontal: HPos::Left,
            vertical: VPos::Center,
        }
    }

    pub fn color(mut self, color: RGBColor) -> Self {
        self.color = color;
        self
    }

    pub fn bold(mut self) -> Self {
        self.bold = true;
        self
    }

    /// Reads from bottom to top.
    pub fn upright(mut self) -> Self {
        self.upright = true;
        self
    }

    /// Anchored at its right end.
    pub fn right(mut self) -> Self {
        self.horizontal = HPos::Right;
        self
    }

    /// Anchored at its middle.
    pub fn centered(mut self) -> Self {
        self.horizontal = HPos::Center;
        self
    }

    /// Pixels that it takes at most.
    pub fn width(&self) -> i32 {
        text_width(&self.text, self.size, self.bold)
    }
}

/// Advance widths of a wide sans-serif face (DejaVu Sans), thousandths of the font size, for U+0020 to U+007E.
const WIDTHS: [u16; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636,
    636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863,
    748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685, 611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635,
    615, 352, 635, 634, 278, 278, 579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636,
    337, 636, 838,
];

/// What other characters take; the widest of those that reports use.
const OTHER_WIDTH: u16 = 1_000;

/// Pixels that text takes at most: what a chart reserves for it.
pub(super) fn text_width(text: &str, size: i32, bold: bool) -> i32 {
    let thousandths: u32 = text.chars().map(|sign| u32::from(character_width(sign))).sum();
    let width = f64::from(thousandths) / 1e3 * f64::from(size);
    (if bold { width * 1.12 } else { width }).ceil() as i32
}

fn character_width(sign: char) -> u16 {
    let index = (sign as usize).wrapping_sub(' ' as usize);
    match WIDTHS.get(index) {
        Some(width) => *width,
        None if matches!(sign, '·' | '’') => 318,
        None => OTHER_WIDTH,
    }
}

/// Text cut so that it takes at most `room` pixels, with `…` where something is missing; empty if not even that fits.
pub(super) fn fit(text: &str, size: i32, room: i32) -> String {
    if text_width(text, size, false) <= room {
        return text.to_string();
    }
    let mut short: Vec<char> = text.chars().collect();
    while short.pop().is_some() {
        let candidate: String = short.iter().copied().chain(['…']).collect();
        if text_width(&candidate, size, false) <= room {
            return if short.is_empty() { String::new() } else { candidate };
        }
    }
    String::new()
}

/// Text broken at spaces into lines that each take at most `room` pixels; words too long are cut.
pub(super) fn fold(text: &str, size: i32, room: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        if let Some(line) = lines.last_mut() {
            let longer = format!("{line} {word}");
            if text_width(&longer, size, false) <= room {
                *line = longer;
                continue;
            }
        }
        lines.push(fit(word, size, room));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_the_room_that_there_is() {
        assert_eq!(fit("worker-12", 12, 100), "worker-12");
        let short = fit("worker-12", 12, 40);
        assert!(short.ends_with('…') && text_width(&short, 12, false) <= 40, "{short}");
        assert_eq!(fit("worker-12", 12, 5), "");
    }

    #[test]
    fn text_is_folded_at_spaces() {
        let lines = fold("network delay 40ms to broker-0 for 2m", 11, 120);
        assert!(lines.len() >= 2 && lines.iter().all(|line| text_width(line, 11, false) <= 120), "{lines:?}");
        assert_eq!(lines.join(" "), "network delay 40ms to broker-0 for 2m");
    }

    #[test]
    fn what_is_drawn_stands_in_the_svg_and_markup_is_escaped() {
        let svg = draw(100, 50, |canvas| {
            canvas.text((10, 10), &Label::new("a<b & c", 12));
            canvas.fill((5, 5), (5, 20), INK.to_rgba());
        });
        assert!(svg.starts_with("<svg width=\"100\" height=\"50\""), "{svg}");
        assert!(svg.contains("a&lt;b &amp; c"), "{svg}");
        assert!(svg.contains("font-size=\"12\""), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 1, "an empty rectangle is not drawn: {svg}");
    }
}
