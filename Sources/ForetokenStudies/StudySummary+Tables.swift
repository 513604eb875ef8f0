import ForetokenReport
import ForetokenTraining

extension StudySummary {
    /// The table for a page of Markdown: mean (each seed), differences from the first variant.
    var markdown: String {
        let several = rows.contains { $0.runs.count > 1 }
        let plain = columns.filter { $0.head == nil }
        let heads = columns.filter { $0.head != nil }
        var header = ["variant"]
        if several { header.append("seeds") }
        for column in plain {
            header.append(column.title + (several && column.isQuality ? " (each seed)" : ""))
            if column.isQuality, rows.count > 1 { header.append("Δ") }
        }
        if !heads.isEmpty { header.append("acceptance of heads 2, 3, …") }
        let lines = rows.map { row in
            var cells = [row.name]
            if several { cells.append("\(row.values.count { !$0.isEmpty })") }
            for column in plain {
                cells.append(cell(row, column))
                if column.isQuality, rows.count > 1 { cells.append(difference(row, column)) }
            }
            if !heads.isEmpty { cells.append(acceptance(row, heads)) }
            return cells
        }
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
        }
        let rule = "|" + header.indices.map { $0 == 0 ? "---|" : "---:|" }.joined()
        let table = ([line(header), rule] + lines.map(line)).joined(separator: "\n")
        return "**\(plan.study.name)**\n\n\(table)\n\n\(notes.joined(separator: " "))\n"
    }

    /// The tables for a terminal: what was trained and found, and where there are several variants or seeds, the seeds and the
    /// differences, and acceptance by head.
    public func tables(width: Int?) -> String {
        let plain = columns.filter { $0.head == nil }
        let heads = columns.filter { $0.head != nil }
        var parts: [String] = []
        for group in grouped(plain, width: width ?? 80) {
            var table = TextTable(["variant"] + group.map(\.title))
            for row in rows { table.add([row.name] + group.map { column in mean(row, column) }) }
            parts.append(table.text(width: width))
        }
        let qualities = plain.filter(\.isQuality)
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
        if !heads.isEmpty {
            var table = TextTable(["acceptance of head"] + heads.map { "\($0.head ?? 0)" })
            for row in rows { table.add([row.name] + heads.map { mean(row, $0) }) }
            parts.append(table.text(width: width))
        }
        return parts.joined(separator: "\n\n") + (notes.isEmpty ? "" : "\n\n" + notes.joined(separator: " "))
    }

    /// Columns side by side as far as a terminal has room for them beside the variant's name.
    private func grouped(_ columns: [StudyMetric], width: Int) -> [[StudyMetric]] {
        let names = min(24, rows.map(\.name.count).max() ?? 0)
        var (groups, used) = ([[StudyMetric]](), width)
        for column in columns {
            let room = 2 + max(column.title.count, rows.map { mean($0, column).count }.max() ?? 0)
            if used + room > width { (groups, used) = (groups + [[]], max(names, 8)) }
            groups[groups.count - 1].append(column)
            used += room
        }
        return groups
    }

    private func mean(_ row: Row, _ column: StudyMetric) -> String {
        row.statistics(column).map { column.text(column.name == "tokensPerSecond" ? $0.median : $0.mean) } ?? ""
    }

    /// The mean, and each seed where there are several and the number says how good a model is.
    private func cell(_ row: Row, _ column: StudyMetric) -> String {
        let values = row.numbers(column)
        guard values.count > 1, column.isQuality else { return mean(row, column) }
        return mean(row, column) + " (" + values.map(column.text).joined(separator: ", ") + ")"
    }

    private func difference(_ row: Row, _ column: StudyMetric) -> String {
        guard let reference, row.name != reference.name, let found = row.difference(from: reference, column) else {
            return ""
        }
        // The unsigned form of a difference.
        let error = found.standardError.map { " ± " + column.difference($0).dropFirst() } ?? ""
        return column.difference(found.mean) + error
    }

    private func acceptance(_ row: Row, _ heads: [StudyMetric]) -> String {
        heads.map { mean(row, $0) }.filter { !$0.isEmpty }.joined(separator: " ")
    }
}
