/// A table of aligned columns: the first left-aligned, the others right-aligned.
public struct TextTable {
    private var rows: [[String]]

    /// The minimum width of the first column.
    private static let minimumNameWidth = 8

    /// Creates a table with a header row.
    public init(_ header: [String]) { rows = [header] }

    /// Adds a row.
    public mutating func add(_ row: [String]) { rows.append(row) }

    /// The table, one line per row, without a final newline.
    public var text: String { text(width: nil) }

    /// The table fitted to standard output's terminal; at full width for a file or a pipe.
    public var terminalText: String { text(width: Terminal.outputWidth) }

    /// The table fitted to `width` columns: texts of the first column are shortened in the middle, since names tend to differ
    /// at their ends.
    public func text(width: Int?) -> String {
        let columns = rows.map(\.count).max() ?? 0
        var widths = (0..<columns).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        if let width, columns > 0 {
            let excess = widths.reduce(2 * (columns - 1), +) - width
            if excess > 0 { widths[0] = min(widths[0], max(Self.minimumNameWidth, widths[0] - excess)) }
        }
        return rows.map { row in
            let line = row.enumerated().map { column, cell in
                let shown = column == 0 ? Markup.shortened(cell, to: widths[0]) : cell
                let padding = String(repeating: " ", count: widths[column] - shown.count)
                return column == 0 ? shown + padding : padding + shown
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
