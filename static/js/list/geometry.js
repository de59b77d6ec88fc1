// Where the rows of a list stand: pixels from positions and back. No page in here; window.js has one.
//
// Every row is as high as every other, and so is every heading. Positions begin at 0.

export class Geometry {
  // `sections` are [{ heading, start }], in order; `row` and `head` are heights.
  constructor(sections, total, row, head) {
    Object.assign(this, { sections, total, row, head: sections.length ? head : 0 });
  }

  get height() {
    return this.total * this.row + this.sections.length * this.head;
  }

  // The number of the section that a row is in; -1 where there are none.
  sectionAt(position) {
    let [low, high] = [0, this.sections.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.sections[middle].start <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  // The upper edge of a row, below its heading.
  topOf(position) {
    return position * this.row + (this.sectionAt(position) + 1) * this.head;
  }

  // The position of the row that is there, or of the one below a heading that is.
  positionAt(y) {
    let [low, high] = [0, this.total - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.topOf(middle) + this.row > y) high = middle;
      else low = middle + 1;
    }
    return Math.max(low, 0);
  }
}
