import ForetokenModel
import Foundation
import Synchronization

/// The rotary tables [context, d/2] of a model for the kernels, computed no further than passes have come: a model may
/// declare a context of millions of positions.
///
/// Sendable because places are written once, before anybody is told that they may be read.
final class RotaryMemory: @unchecked Sendable {
    /// [context, d/2], row-major, of which ``prepare(positions:)`` says how much is there.
    let cosine: UnsafeMutablePointer<Float>
    /// As ``cosine``.
    let sine: UnsafeMutablePointer<Float>

    private static let block = 1024
    private let configuration: ModelConfiguration
    private let bytes: Int
    private let known = Mutex(0)

    /// - Throws: ``DecodingError/invalid(_:)`` for a context beyond all address space.
    init(_ configuration: ModelConfiguration) throws {
        self.configuration = configuration
        let count = configuration.context.multipliedReportingOverflow(by: configuration.headDimension / 2)
        let (bytes, overflow) = count.partialValue.multipliedReportingOverflow(by: 2 * MemoryLayout<Float>.stride)
        // Addresses only: memory comes with the first touch.
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard !count.overflow, !overflow, let place = mmap(nil, max(1, bytes), PROT_READ | PROT_WRITE, flags, -1, 0),
            place != MAP_FAILED
        else { throw DecodingError.invalid("a context of \(configuration.context) positions is beyond this machine") }
        self.bytes = max(1, bytes)
        cosine = place.bindMemory(to: Float.self, capacity: 2 * count.partialValue)
        sine = cosine + count.partialValue
    }

    deinit { munmap(cosine, bytes) }

    /// Computes what the first `positions` positions lack.
    func prepare(positions: Int) {
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
