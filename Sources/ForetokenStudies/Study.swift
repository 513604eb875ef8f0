import ForetokenTraining
import Foundation

/// A study: one recipe trained in many variants, each measured the same way. Read from the file given to `foretoken study`.
///
/// The runs are the product of the arms (or one unnamed arm) and the points of the grid. Runs that differ only in `seed` are
/// replicates, over which the spread is computed.
public struct Study: Sendable {
    /// The title of the table and the chart.
    public let name: String
    /// The file's path, for error messages.
    public let file: String
    /// The base recipe of all runs.
    let recipe: URL
    /// Overrides for all runs.
    let settings: [RecipeOverride]
    /// The axes other than the seed; the first varies slowest.
    let grid: [Axis]
    /// The seeds of the replicates; the recipe's own seed if empty.
    let seeds: [UInt64]
    /// Named variants in the file's order; empty for a study with a grid only.
    let arms: [Arm]
    /// The arm that differences are relative to; the first variant if nil.
    let reference: String?
    /// The measurements made after each run.
    let measurements: [StudyMeasurement]
    /// The axes of the chart.
    let plot: Plot
    /// The vocabulary size assumed by a dry run if the data does not exist yet.
    let vocabulary: Int?

    /// A recipe key that the grid varies.
    struct Axis: Sendable, Equatable {
        let key: String
        /// The values as one-line YAML.
        let values: [String]
        /// File and line, for error messages.
        let place: String

        /// The key by its present name.
        var presentKey: String { RecipeKey.presentName(of: key) }

        func override(_ value: String) -> RecipeOverride { RecipeOverride("\(key)=\(value)", place: place) }
    }

    /// A named variant.
    struct Arm: Sendable, Equatable {
        let name: String
        /// The arm from whose model, trained with the same seed, this arm's runs start.
        var from: String?
        /// The arm's base recipe; the study's if nil.
        var recipe: URL?
        /// A subset of the study's seeds; all if nil.
        var seeds: [UInt64]?
        /// The assumed vocabulary size; the study's if nil.
        var vocabulary: Int?
        /// The chart line that it belongs to.
        var series: String?
        var settings: [RecipeOverride] = []
        /// File and line, for error messages.
        let place: String
    }

    /// The axes of the chart.
    struct Plot: Sendable, Equatable {
        /// The extent of the error bars.
        enum Spread: String, Sendable, CaseIterable {
            /// From the minimum to the maximum over seeds.
            case range
            /// ± one standard error of the mean over seeds.
            case error
        }

        /// A recipe key, or `parameters`; derived from the runs if nil.
        var x: String?
        /// A recipe key, or `arm`; the arms if nil.
        var series: String?
        /// The name of a measured value; the first one if nil.
        var y: String?
        /// The series whose values at the same x are subtracted from the others.
        var minus: String?
        var spread = Spread.range
    }
}
