/// Which numbers a JSON text may hold.
package enum JSONNumbers: Sendable {
    /// Those of RFC 8259 that a 64-bit integer or a finite double holds; others are refused.
    case strict
    /// Those that Python's `json` reads and writes: also `NaN`, `Infinity`, `-Infinity`, and numbers of any length.
    ///
    /// An integer beyond 64 bits becomes the nearest double and a number beyond doubles an infinity; who needs the exact
    /// value keeps the text.
    case python
}
