import ForetokenTraining

/// Summary statistics of a few numbers.
struct Statistics: Sendable, Equatable {
    let count: Int
    let mean: Double
    let least: Double
    let greatest: Double
    let median: Double
    /// The standard error of the mean: sample standard deviation ÷ √count; nil for a single number.
    let standardError: Double?

    /// Nil for an empty array.
    init?(_ values: [Double]) {
        let sorted = values.sorted()
        guard let first = sorted.first, let last = sorted.last else { return nil }
        count = values.count
        let mean = values.reduce(0, +) / Double(values.count)
        self.mean = mean
        (least, greatest) = (first, last)
        let middle = values.count / 2
        median = values.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        standardError =
            values.count > 1
            ? (squares / Double(values.count - 1)).squareRoot() / Double(values.count).squareRoot() : nil
    }
}
