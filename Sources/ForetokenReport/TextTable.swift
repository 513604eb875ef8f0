/// A table of aligned columns: the first to the left, the others to the right.
public struct TextTable {
    private var rows: [[String]]

    /// The first column is never made narrower than this.
    private static let least = 8

    /// A table with its header.
    public init(_ header: [String]) { rows = [header] }

    /// Adds a row.
    public mutating func add(_ row: [String]) { rows.append(row) }

    /// The table, a line a row, without a newline at the end.
    public var text: String { text(width: nil) }

    /// The table as standard output's terminal has room for it; whole if that is a file or a pipe.
    public var terminalText: String { text(width: Terminal.outputWidth) }

    /// The table in so many columns: the first column's texts lose their middle, since names differ at both ends.
    public func text(width: Int?) -> String {
        let columns = rows.map(\.count).max() ?? 0
        var widths = (0..<columns).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        if let width, columns > 0 {
            let excess = widths.reduce(2 * (columns - 1), +) - width
            if excess > 0 { widths[0] = min(widths[0], max(Self.least, widths[0] - excess)) }
        }
        return rows.map { row in
            let line = row.enumerated().map { column, cell in
                let shown = column == 0 ? Markup.shortened(cell, to: widths[0]) : cell
                let fill = String(repeating: " ", count: widths[column] - shown.count)
                return column == 0 ? shown + fill : fill + shown
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
