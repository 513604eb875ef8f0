import ForetokenReport
import ForetokenTraining

extension StudySummary {
    /// The table in Markdown: the mean (and each seed) of every metric, with differences from the reference variant.
    var markdown: String {
        let hasReplicates = rows.contains { $0.runs.count > 1 }
        let scalars = columns.filter { $0.head == nil }
        let perHead = columns.filter { $0.head != nil }
        var header = ["variant"]
        if hasReplicates { header.append("seeds") }
        for column in scalars {
            header.append(column.title + (hasReplicates && column.isQuality ? " (each seed)" : ""))
            if column.isQuality, rows.count > 1 { header.append("Δ") }
        }
        if !perHead.isEmpty { header.append("acceptance of heads 2, 3, …") }
        let lines = rows.map { row in
            var cells = [row.name]
            if hasReplicates { cells.append("\(row.values.count { !$0.isEmpty })") }
            for column in scalars {
                cells.append(cell(row, column))
                if column.isQuality, rows.count > 1 { cells.append(difference(row, column)) }
            }
            if !perHead.isEmpty { cells.append(acceptance(row, perHead)) }
            return cells
        }
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
        }
        let rule = "|" + header.indices.map { $0 == 0 ? "---|" : "---:|" }.joined()
        let table = ([line(header), rule] + lines.map(line)).joined(separator: "\n")
        return "**\(plan.study.name)**\n\n\(table)\n\n\(notes.joined(separator: " "))\n"
    }

    /// The tables for a terminal of `width` columns (nil: no limit): the mean of every metric; with several variants or seeds, the
    /// differences and the values of each seed; and the acceptance per head.
    public func tables(width: Int?) -> String {
        let scalars = columns.filter { $0.head == nil }
        let perHead = columns.filter { $0.head != nil }
        var parts: [String] = []
        for group in grouped(scalars, width: width ?? 80) {
            var table = TextTable(["variant"] + group.map(\.title))
            for row in rows { table.add([row.name] + group.map { column in mean(row, column) }) }
            parts.append(table.text(width: width))
        }
        let qualities = scalars.filter(\.isQuality)
        if rows.contains(where: { $0.runs.count > 1 }) || rows.count > 1 {
            for column in qualities {
                var table = TextTable([column.title, "Δ", "each seed"])
                for row in rows {
                    let seeds = row.numbers(column).map(column.text).joined(separator: " ")
                    table.add([row.name, difference(row, column), seeds])
                }
                parts.append(table.text(width: width))
            }
        }
        if !perHead.isEmpty {
            var table = TextTable(["acceptance of head"] + perHead.map { "\($0.head ?? 0)" })
            for row in rows { table.add([row.name] + perHead.map { mean(row, $0) }) }
            parts.append(table.text(width: width))
        }
        return parts.joined(separator: "\n\n") + (notes.isEmpty ? "" : "\n\n" + notes.joined(separator: " "))
    }

    /// Splits columns into tables that fit into `width` together with the variant's name.
    private func grouped(_ columns: [StudyMetric], width: Int) -> [[StudyMetric]] {
        let nameWidth = min(24, rows.map(\.name.count).max() ?? 0)
        var (groups, used) = ([[StudyMetric]](), width)
        for column in columns {
            let columnWidth = 2 + max(column.title.count, rows.map { mean($0, column).count }.max() ?? 0)
            if used + columnWidth > width { (groups, used) = (groups + [[]], max(nameWidth, 8)) }
            groups[groups.count - 1].append(column)
            used += columnWidth
        }
        return groups
    }

    private func mean(_ row: Row, _ column: StudyMetric) -> String {
        row.statistics(column).map { column.text(column.name == "tokensPerSecond" ? $0.median : $0.mean) } ?? ""
    }

    /// The mean, followed by the values of each seed for a quality metric with several seeds.
    private func cell(_ row: Row, _ column: StudyMetric) -> String {
        let values = row.numbers(column)
        guard values.count > 1, column.isQuality else { return mean(row, column) }
        return mean(row, column) + " (" + values.map(column.text).joined(separator: ", ") + ")"
    }

    private func difference(_ row: Row, _ column: StudyMetric) -> String {
        guard let reference, row.name != reference.name, let found = row.difference(from: reference, column) else {
            return ""
        }
        // Without the sign of a difference.
        let error = found.standardError.map { " ± " + column.difference($0).dropFirst() } ?? ""
        return column.difference(found.mean) + error
    }

    private func acceptance(_ row: Row, _ heads: [StudyMetric]) -> String {
        heads.map { mean(row, $0) }.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
