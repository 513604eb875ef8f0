public import ForetokenFiles
public import ForetokenReport

/// Accuracy of answers with 90 % intervals: of all in-domain and out-of-domain questions, and by number of operations.
public struct TaskSummary: Sendable {
    /// Questions counted together.
    public struct Row: Sendable {
        /// Operations, where the row is of one number of them.
        public var operations: Int?
        /// Whether training texts are as hard.
        public var isInDomain: Bool
        /// Questions.
        public var questions: Int
        /// The share of right answers, and its interval over resampled units.
        public var accuracy: PassAtK.Estimate
    }

    /// The task's name.
    public let task: String
    /// In-domain and out-of-domain questions as a whole; only what there is.
    public let domains: [Row]
    /// By number of operations.
    public let rows: [Row]

    /// Counts; `seed` decides the resampling.
    public init(_ task: String, _ questions: [TaskQuestion], right: [Bool], seed: UInt64 = 0) {
        let all = Array(zip(questions, right))
        func row(_ operations: Int?, _ isInDomain: Bool, _ part: [(TaskQuestion, Bool)]) -> Row? {
            // Questions of a unit are not independent of each other, so units are resampled.
            let units = Dictionary(grouping: part, by: { $0.0.unit }).sorted { $0.key < $1.key }
                .map { (right: $0.value.count(where: \.1), of: $0.value.count) }
            return PassAtK.bootstrap(ratios: units, seed: seed).map {
                Row(operations: operations, isInDomain: isInDomain, questions: part.count, accuracy: $0)
            }
        }
        self.task = task
        domains = [true, false].compactMap { side in row(nil, side, all.filter { $0.0.isInDomain == side }) }
        rows = Set(questions.compactMap(\.operations)).sorted().flatMap { count in
            [true, false].compactMap { side in
                row(count, side, all.filter { $0.0.operations == count && $0.0.isInDomain == side })
            }
        }
    }

    /// A table in percent.
    public var table: TextTable {
        var table = TextTable([task, "questions", "accuracy [90 %]"])
        for row in rows + domains {
            let name = row.operations.map { "\($0) operation\($0 == 1 ? "" : "s")" } ?? "all"
            table.add([
                name + (row.isInDomain ? "" : ", out of domain"), "\(row.questions)", PassSummary.text(row.accuracy),
            ])
        }
        return table
    }

    /// `inDomain`, `outOfDomain` (what there is of them) and `operations`, each with accuracy, interval and questions.
    public var json: JSONObject {
        func object(_ row: Row) -> JSONObject {
            var object = JSONObject()
            if let operations = row.operations { object["operations"] = .integer(operations) }
            if row.operations != nil { object["inDomain"] = .bool(row.isInDomain) }
            object["accuracy"] = .finite(row.accuracy.value)
            object["interval"] = [.finite(row.accuracy.low), .finite(row.accuracy.high)]
            object["questions"] = .integer(row.questions)
            return object
        }
        var result = JSONObject()
        result["task"] = .string(task)
        for row in domains { result[row.isInDomain ? "inDomain" : "outOfDomain"] = .object(object(row)) }
        if !rows.isEmpty { result["operations"] = .array(rows.map { .object(object($0)) }) }
        return result
    }
}
