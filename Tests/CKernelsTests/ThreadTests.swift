import CKernels
import Foundation
import Synchronization
import Testing

/// y = x · wᵀ for 8 rows and 600 inputs and outputs: enough work for a parallel region.
private func multiplied(_ w: Packed, _ x: [Float]) -> [Float] {
    var y = [Float](repeating: 7, count: 8 * 600)
    withUnsafePointer(to: w.weight) { weight in
        x.withUnsafeBufferPointer { x in
            y.withUnsafeMutableBufferPointer { y in
                var (shape, op) = (ck_shape(), ck_op())
                (shape.width, op.kind, op.rows) = (600, Int32(CK_GEMM), 8)
                (op.x, op.y, op.weight) = (x.baseAddress, y.baseAddress, weight)
                ck_run(&shape, nil, &op, 1)
            }
        }
    }
    return y
}

/// Σ x² of 2^20 twos, by a kernel in parallel.
private func sumOfSquares() -> Double {
    var sum = 0.0
    [Float](repeating: 2, count: 1 << 20).withUnsafeBufferPointer { x in
        var span = ck_span(data: x.baseAddress, count: Int64(x.count))
        _ = ck_sums_of_squares(&span, 1, &sum)
    }
    return sum
}

extension KernelTests {
    @Suite struct ThreadTests {
        @Test func theDefaultIsWhatTheProcessMayUse() {
            #expect(ck_default_threads() >= 1)
            #expect(Int(ck_default_threads()) <= ProcessInfo.processInfo.activeProcessorCount)
        }

        @Test func theNumberOfThreadsIsKeptAndAtLeastOne() {
            defer { ck_set_threads(ck_default_threads()) }
            for (wanted, expected): (Int32, Int32) in [(3, 3), (1, 1), (0, 1), (-2, 1)] {
                ck_set_threads(wanted)
                #expect(ck_threads() == expected)
            }
        }

        /// More threads than processors, then fewer, then more again: the pool grows and its idle threads stay out of the way.
        @Test func everyNumberOfThreadsGivesTheSameBits() {
            defer { ck_set_threads(ck_default_threads()) }
            let w = Packed(numbers(600 * 600, seed: 1), out: 600)
            let x = numbers(8 * 600, seed: 2)
            ck_set_threads(1)
            let expected = multiplied(w, x)
            for threads: Int32 in [2, 7, 1, 3, 2, 4, 8, 2] {
                ck_set_threads(threads)
                for _ in 0..<5 {
                    #expect(multiplied(w, x) == expected)
                    #expect(sumOfSquares() == 4 * 0x1p20)
                }
            }
        }

        /// Regions of several callers take turns.
        @Test func callersAtTheSameTimeGetTheSameBits() {
            defer { ck_set_threads(ck_default_threads()) }
            let w = Packed(numbers(600 * 600, seed: 1), out: 600)
            let x = numbers(8 * 600, seed: 2)
            ck_set_threads(1)
            let expected = multiplied(w, x)
            ck_set_threads(3)
            let wrong = Atomic(0)
            nonisolated(unsafe) let weight = w
            DispatchQueue.concurrentPerform(iterations: 6) { _ in
                for _ in 0..<20 where multiplied(weight, x) != expected { wrong.add(1, ordering: .relaxed) }
            }
            #expect(wrong.load(ordering: .relaxed) == 0)
        }

        /// Threads sleep after a while, and wake up.
        @Test func aPauseBetweenRegionsChangesNothing() {
            defer { ck_set_threads(ck_default_threads()) }
            ck_set_threads(3)
            for _ in 0..<20 {
                #expect(sumOfSquares() == 4 * 0x1p20)
                usleep(2000)
            }
        }

        /// The host's team runs a region on this thread alone, whatever was asked for, and counts its calls in `pool`.
        @Test func aHostsTeamRunsTheRegions() async {
            await #expect(processExitsWith: .exitCode(7)) {
                ck_set_threads(4)
                let calls = UnsafeMutablePointer<Int>.allocate(capacity: 1)
                calls.pointee = 0
                let accepted = ck_use_team(
                    { pool, threads, region, context in
                        guard let pool, let region, threads == 4 else { return }
                        pool.assumingMemoryBound(to: Int.self).pointee += 1
                        region(context, 0, 1)
                    }, calls)
                let sum = sumOfSquares()
                _exit(accepted && calls.pointee == 1 && sum == 4 * 0x1p20 ? 7 : 1)
            }
        }

        /// Regions without a barrier, as most are, leave a team free to run its threads one after the other.
        @Test func aHostsTeamMayRunItsThreadsInTurn() async {
            await #expect(processExitsWith: .exitCode(7)) {
                ck_set_threads(3)
                let accepted = ck_use_team(
                    { _, threads, region, context in
                        for thread in 0..<threads { region?(context, thread, threads) }
                    }, nil)
                _exit(accepted && sumOfSquares() == 4 * 0x1p20 ? 7 : 1)
            }
        }

        @Test func aHostsTeamComesTooLateForAPoolThatRuns() async {
            await #expect(processExitsWith: .exitCode(7)) {
                ck_set_threads(2)
                let before = sumOfSquares()
                let accepted = ck_use_team({ _, _, _, _ in _exit(1) }, nil)
                _exit(!accepted && sumOfSquares() == before ? 7 : 1)
            }
        }
    }
}
