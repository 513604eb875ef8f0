public import ForetokenFiles
public import ForetokenReport

/// Accuracy on a task with 90 % intervals: over all in-domain and all out-of-domain questions, and by number of operations.
public struct TaskSummary: Sendable {
    /// The accuracy over a group of questions.
    public struct Row: Sendable {
        /// The number of operations; nil for a row over all numbers.
        public var operations: Int?
        /// Whether the questions are in-domain.
        public var isInDomain: Bool
        /// The number of questions.
        public var questions: Int
        /// The proportion of correct answers, with a bootstrap interval over units.
        public var accuracy: PassAtK.Estimate
    }

    /// The task's name.
    public let task: String
    /// The rows over all in-domain and all out-of-domain questions, as far as there are any.
    public let domains: [Row]
    /// The rows by number of operations.
    public let rows: [Row]

    /// Computes the summary; `seed` is that of the bootstrap.
    public init(_ task: String, _ questions: [TaskQuestion], correct: [Bool], seed: UInt64 = 0) {
        let all = Array(zip(questions, correct))
        func row(_ operations: Int?, _ isInDomain: Bool, _ part: [(TaskQuestion, Bool)]) -> Row? {
            // Questions of the same unit are not independent, so whole units are resampled.
            let units = Dictionary(grouping: part, by: { $0.0.unit }).sorted { $0.key < $1.key }
                .map { (correct: $0.value.count(where: \.1), of: $0.value.count) }
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

    /// The summary as a table, in percent.
    public var table: TextTable {
        var table = TextTable([task, "questions", "accuracy, % [90 % CI]"])
        for row in rows + domains {
            let name = row.operations.map { "\($0) operation\($0 == 1 ? "" : "s")" } ?? "all"
            table.add([
                name + (row.isInDomain ? "" : ", out of domain"), "\(row.questions)", PassSummary.text(row.accuracy),
            ])
        }
        return table
    }

    /// `inDomain`, `outOfDomain` (as far as there are questions) and `operations`, each with accuracy, interval and questions.
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
