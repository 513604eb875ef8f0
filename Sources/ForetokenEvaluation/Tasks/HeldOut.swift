import ForetokenFiles
import ForetokenText

/// On which side of a task's split an expression falls, by its content alone: no seed of training or test data can bring one to
/// the other side.
enum HeldOut {
    case training, validation, test

    /// A tenth is for tests and a fiftieth for validation.
    init(_ text: String) {
        let word = SHA256.hash(Array(text.utf8)).prefix(4).reduce(0) { $0 << 8 | Int($1) }
        let share = Double(word) / Double(1 << 32)
        self = share < 0.1 ? .test : share < 0.12 ? .validation : .training
    }
}
