package import ForetokenModel
import Synchronization

/// The rotary tables [context, d/2] of a model for the kernels, computed no further than passes have come: a model may
/// declare a context of millions of positions.
///
/// Sendable because places are written once, before anybody is told that they may be read.
package final class RotaryMemory: @unchecked Sendable {
    /// [context, d/2], row-major, of which ``prepare(positions:)`` says how much is there.
    package let cosine: UnsafeMutablePointer<Float>
    /// As ``cosine``.
    package let sine: UnsafeMutablePointer<Float>

    private static let block = 1024
    private let configuration: ModelConfiguration
    private let bytes: Int
    private let known = Mutex(0)

    /// - Throws: ``DecodingError/invalid(_:)`` for a context beyond all address space.
    package init(_ configuration: ModelConfiguration) throws {
        self.configuration = configuration
        let count = configuration.context.multipliedReportingOverflow(by: configuration.headDimension / 2)
        let (bytes, overflow) = count.partialValue.multipliedReportingOverflow(by: 2 * MemoryLayout<Float>.stride)
        guard !count.overflow, !overflow, let place = Platform.reserve(max(1, bytes)) else {
            throw DecodingError.invalid("a context of \(configuration.context) positions is beyond this machine")
        }
        self.bytes = max(1, bytes)
        cosine = place.bindMemory(to: Float.self, capacity: 2 * count.partialValue)
        sine = cosine + count.partialValue
    }

    deinit { Platform.release(cosine, bytes) }

    /// Computes what the first `positions` positions lack.
    package func prepare(positions: Int) {
        known.withLock { known in
            guard positions > known else { return }
            let end = min(configuration.context, (positions + Self.block - 1) / Self.block * Self.block)
            let table = RotaryTable(configuration: configuration, from: known, to: end)
            let first = known * (configuration.headDimension / 2)
            for (index, value) in table.cosine.enumerated() { cosine[first + index] = Float(value) }
            for (index, value) in table.sine.enumerated() { sine[first + index] = Float(value) }
            known = end
        }
    }
}
