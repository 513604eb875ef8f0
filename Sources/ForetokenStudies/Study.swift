import ForetokenTraining
import Foundation

/// A study: one recipe trained in many variants, each measured the same way; the file that `foretoken study` reads.
///
/// Its runs are the arms (or one unnamed arm) times every point of the grid, of which `seed` is the axis that spread is taken
/// over.
public struct Study: Sendable {
    /// What the table and the chart are called.
    public let name: String
    /// The file, as errors name it.
    public let file: String
    /// The recipe that all runs begin with.
    let recipe: URL
    /// Values for every run.
    let settings: [RecipeOverride]
    /// Keys and their values besides the seed, the first changing slowest.
    let grid: [Axis]
    /// Replicates; the recipe's own seed if empty.
    let seeds: [UInt64]
    /// Named variants in the file's order; empty where the grid is all.
    let arms: [Arm]
    /// The arm that differences are taken from; the first variant if nil.
    let reference: String?
    /// What is measured after each run.
    let measurements: [StudyMeasurement]
    /// What the chart shows.
    let plot: Plot
    /// What the dry run takes for the size of the vocabulary where there is no data yet.
    let vocabulary: Int?

    /// A key of the grid.
    struct Axis: Sendable, Equatable {
        let key: String
        /// Values as YAML on one line.
        let values: [String]
        let place: String

        func override(_ value: String) -> RecipeOverride { RecipeOverride("\(key)=\(value)", place: place) }
    }

    /// A named variant.
    struct Arm: Sendable, Equatable {
        let name: String
        /// The arm whose model of the same seed it goes on from.
        var from: String?
        /// A recipe of its own in place of the study's.
        var recipe: URL?
        /// Some of the study's seeds; all if nil.
        var seeds: [UInt64]?
        /// In place of the study's.
        var vocabulary: Int?
        /// The line of the chart that it belongs to.
        var series: String?
        var settings: [RecipeOverride] = []
        let place: String
    }

    /// The axes of the chart.
    struct Plot: Sendable, Equatable {
        /// What a point's error bar spans.
        enum Spread: String, Sendable, CaseIterable {
            /// The least and the greatest seed.
            case range
            /// One standard error to either side.
            case error
        }

        /// A recipe's key, or `parameters`; chosen by the runs if nil.
        var x: String?
        /// A recipe's key, or `arm`; the arms if nil.
        var series: String?
        /// A measured value; the first that was measured if nil.
        var y: String?
        /// The series whose values at the same x are subtracted.
        var minus: String?
        var spread = Spread.range
    }
}
