import CKernels
import Testing

/// All tests of the kernels: they change the instruction set and the number of threads, so they run one after another.
@Suite(.serialized) enum KernelTests {}

/// Runs `body` with every supported instruction set and each number of threads.
func onEverySet(threads: [Int32] = [1, 2], _ body: (_ isa: Int32) throws -> Void) rethrows {
    defer {
        _ = ck_set_isa(-1)
        ck_set_threads(ck_default_threads())
    }
    for isa: Int32 in 0...3 where ck_set_isa(isa) == isa {
        for count in threads {
            ck_set_threads(count)
            try body(isa)
        }
    }
}

/// Deterministic random numbers in [-1, 1).
func numbers(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Float(Int32(truncatingIfNeeded: state >> 32)) / 2_147_483_648
    }
}

/// A packed matrix and its storage.
final class Packed {
    private let storage: UnsafeMutableRawPointer
    private(set) var weight: ck_weight

    init(_ w: [Float], out: Int, format: Int32 = Int32(CK_F32)) {
        let width = Int64(w.count / out)
        storage = .allocate(byteCount: Int(ck_packed_bytes(Int64(out), width, format)), alignment: 64)
        weight = ck_pack(w, Int64(out), width, format, storage)
    }

    deinit { storage.deallocate() }

    /// The matrix as the kernels see it.
    var values: [Float] {
        var row = [Float](repeating: 0, count: Int(weight.in))
        return (0..<weight.out).flatMap { index in
            ck_unpack_row(&weight, index, &row)
            return row
        }
    }
}
