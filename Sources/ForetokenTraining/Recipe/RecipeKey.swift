/// One key of a recipe. The table ``RecipeKey/all`` is the only list of keys: reading, range checks, writing, `--set`, the
/// axes of studies, hints for misspelt keys, `foretoken train --print-recipe` and the reference page come from it.
package struct RecipeKey: Sendable {
    /// What a key decides about a run.
    package enum Effect: String, Sendable {
        /// Another value trains another model.
        case result
        /// Another value computes the same in another order or precision: equal up to rounding.
        case rounding
        /// Speed, memory, files or the log only: the weights are bitwise the same.
        case none
    }

    /// One of the names that a key may have as its value.
    package struct Choice: Sendable {
        package let name: String
        /// One sentence.
        package let summary: String
    }

    /// `section.name`; `seed` has no section.
    package let path: String
    /// One sentence for the reference.
    package let summary: String
    /// The type of the value in words, with its range.
    package let type: String
    /// What null means; nil if null means the default.
    package let ifNull: String?
    /// The names that the value may have; empty if it is no choice.
    package let choices: [Choice]
    package let effect: Effect
    /// Whether the default depends on the device, and null stands for it.
    var isDeviceDependent = false
    /// Takes a value over into a recipe; throws ``RecipeError`` for one of another type.
    let read: @Sendable (YamlValue, YamlOrigin, inout Recipe) throws -> Void
    /// The value as YAML on one line; nil for null.
    let write: @Sendable (Recipe) -> String?
    /// Why the value is out of range; nil if it is not.
    let problem: @Sendable (Recipe) -> String?

    /// The section, empty for `seed`.
    package var section: String { path.contains(".") ? String(path.prefix { $0 != "." }) : "" }
    /// The name inside its section.
    package var name: String { path.contains(".") ? String(path.drop { $0 != "." }.dropFirst()) : path }
    /// The default as YAML.
    package var defaultValue: String { isDeviceDependent ? "null" : write(Recipe()) ?? "null" }
}

/// Typed key paths of a recipe that may cross tasks.
typealias RecipePath<Value> = WritableKeyPath<Recipe, Value> & Sendable

/// A choice whose values document themselves.
protocol RecipeChoice: RawRepresentable, CaseIterable, Sendable where RawValue == String {
    /// One sentence.
    var summary: String { get }
}

/// The numbers a key may have.
struct NumberRange: Sendable {
    var above: Double?
    var least: Double?
    var below: Double?
    var most: Double?

    static func above(_ lower: Double, below upper: Double? = nil) -> Self { Self(above: lower, below: upper) }
    static func above(_ lower: Double, upTo upper: Double) -> Self { Self(above: lower, most: upper) }
    static func from(_ lower: Double, below upper: Double? = nil) -> Self { Self(least: lower, below: upper) }
    static func from(_ lower: Double, to upper: Double) -> Self { Self(least: lower, most: upper) }

    func contains(_ value: Double) -> Bool {
        value.isFinite && above.map { value > $0 } ?? true && least.map { value >= $0 } ?? true
            && below.map { value < $0 } ?? true && most.map { value <= $0 } ?? true
    }

    var description: String {
        func text(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
        let bounds = [
            above.map { "above \(text($0))" }, least.map { "at least \(text($0))" }, below.map { "below \(text($0))" },
            most.map { "at most \(text($0))" },
        ]
        return bounds.compactMap(\.self).joined(separator: " and ")
    }
}

extension RecipeKey {
    /// A range in words, its upper bound as a power of two where it is a large one.
    static func text(_ range: ClosedRange<Int>) -> String {
        let upper = range.upperBound
        let isPower = upper >= 1 << 20 && upper.nonzeroBitCount == 1
        return "\(range.lowerBound) to " + (isPower ? "2^\(upper.trailingZeroBitCount)" : "\(upper)")
    }

    private static func problem(_ value: Int, _ range: ClosedRange<Int>) -> String? {
        range.contains(value) ? nil : "\(value) is outside \(range.lowerBound)...\(range.upperBound)"
    }

    private static func problem(_ value: Double, _ range: NumberRange) -> String? {
        range.contains(value) ? nil : "\(value) is out of range; it must be \(range.description)"
    }

    static func integer(
        _ path: String, _ value: any RecipePath<Int>, in range: ClosedRange<Int>, effect: Effect = .result,
        _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: "integer, \(text(range))", ifNull: nil,
            choices: [], effect: effect, read: { $2[keyPath: value] = try $0.integer() },
            write: { "\($0[keyPath: value])" }, problem: { problem($0[keyPath: value], range) })
    }

    static func integer(
        _ path: String, _ value: any RecipePath<Int?>, in range: ClosedRange<Int>, ifNull: String,
        effect: Effect = .result, _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: "integer, \(text(range))",
            ifNull: ifNull, choices: [], effect: effect, read: { $2[keyPath: value] = try $0.integer() },
            write: { $0[keyPath: value].map { "\($0)" } },
            problem: { $0[keyPath: value].flatMap { problem($0, range) } })
    }

    static func number(
        _ path: String, _ value: any RecipePath<Double>, _ range: NumberRange, effect: Effect = .result,
        _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: "number \(range.description)", ifNull: nil, choices: [],
            effect: effect, read: { $2[keyPath: value] = try $0.number() }, write: { "\($0[keyPath: value])" },
            problem: { problem($0[keyPath: value], range) })
    }

    static func number(
        _ path: String, _ value: any RecipePath<Double?>, _ range: NumberRange, ifNull: String,
        effect: Effect = .result, _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: "number \(range.description)", ifNull: ifNull, choices: [],
            effect: effect, read: { $2[keyPath: value] = try $0.number() },
            write: { $0[keyPath: value].map { "\($0)" } },
            problem: { $0[keyPath: value].flatMap { problem($0, range) } })
    }

    static func flag(
        _ path: String, _ value: any RecipePath<Bool>, effect: Effect = .result, _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: "true or false", ifNull: nil, choices: [], effect: effect,
            read: { $2[keyPath: value] = try $0.boolean() }, write: { "\($0[keyPath: value])" }, problem: { _ in nil })
    }

    static func text(
        _ path: String, _ value: any RecipePath<String>, type: String, effect: Effect = .result, _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: type, ifNull: nil, choices: [], effect: effect,
            read: { $2[keyPath: value] = try $0.string() }, write: { quoted($0[keyPath: value]) },
            problem: { _ in nil })
    }

    static func text(
        _ path: String, _ value: any RecipePath<String?>, type: String, ifNull: String, effect: Effect = .result,
        _ summary: String
    ) -> RecipeKey {
        RecipeKey(
            path: path, summary: summary, type: "\(type)", ifNull: ifNull, choices: [], effect: effect,
            read: { $2[keyPath: value] = try $0.string() }, write: { $0[keyPath: value].map(quoted) },
            problem: { _ in nil })
    }

    static func choice<Value: RecipeChoice>(
        _ path: String, _ value: any RecipePath<Value>, effect: Effect = .result, _ summary: String
    ) -> RecipeKey {
        let choices = Value.allCases.map { Choice(name: $0.rawValue, summary: $0.summary) }
        return RecipeKey(
            path: path, summary: summary, type: choices.map { "`\($0.name)`" }.joined(separator: ", "), ifNull: nil,
            choices: choices, effect: effect, read: { $2[keyPath: value] = try $0.choice() },
            write: { $0[keyPath: value].rawValue }, problem: { _ in nil })
    }

    /// A text in double quotes, for YAML.
    static func quoted(_ text: String) -> String {
        "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n") + "\""
    }
}
