/// A table of aligned columns: the first to the left, the others to the right.
public struct TextTable {
    private var rows: [[String]]

    /// A table with its header.
    public init(_ header: [String]) { rows = [header] }

    /// Adds a row.
    public mutating func add(_ row: [String]) { rows.append(row) }

    /// The table, a line a row, without a newline at the end.
    public var text: String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in
            rows.map { $0.indices.contains(column) ? $0[column].count : 0 }.max() ?? 0
        }
        return rows.map { row in
            let line = row.enumerated().map { column, cell in
                let fill = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + fill : fill + cell
            }.joined(separator: "  ")
            return String(line.reversed().drop { $0 == " " }.reversed())
        }.joined(separator: "\n")
    }
}
