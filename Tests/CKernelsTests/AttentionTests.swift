import CKernels
import Testing

/// A block with random weights, its page memory and its rotary tables.
private final class Block {
    let width: Int
    private let matrices: [Packed]
    private let vectors: [UnsafeMutablePointer<Float>]
    private let pages: [UnsafeMutablePointer<Float>]
    private let pageFloats: Int
    private var shape = ck_shape()
    private var block = ck_block()
    /// The page numbers of the one sequence: not in order.
    private let table: [Int32]

    init(attentionHeads: Int, keyValueHeads: Int, headDimension: Int, slots: Int, format: Int = CK_F32) {
        let (width, inner) = (48, 64)
        let (queries, keys) = (attentionHeads * headDimension, keyValueHeads * headDimension)
        self.width = width
        let sizes = [
            (queries, width), (keys, width), (keys, width), (width, queries), (inner, width), (inner, width),
            (width, inner),
        ]
        matrices = sizes.enumerated().map { index, size in
            Packed(numbers(size.0 * size.1, seed: UInt64(index) + 20), out: size.0, format: Int32(format))
        }
        func memory(_ values: [Float]) -> UnsafeMutablePointer<Float> {
            let pointer = UnsafeMutablePointer<Float>.allocate(capacity: values.count)
            pointer.initialize(from: values, count: values.count)
            return pointer
        }
        vectors =
            [width, width].enumerated().map { memory(numbers($1, seed: UInt64($0) + 30)) }
            + [40, 41].map { memory(numbers(slots * headDimension / 2, seed: $0)) }
        (shape.width, shape.attention_heads) = (Int64(width), Int64(attentionHeads))
        (shape.kv_heads, shape.head_dim) = (Int64(keyValueHeads), Int64(headDimension))
        (shape.epsilon, shape.cosine, shape.sine) = (1e-5, UnsafePointer(vectors[2]), UnsafePointer(vectors[3]))
        (block.attention_norm, block.feed_forward_norm) = (UnsafePointer(vectors[0]), UnsafePointer(vectors[1]))
        (block.query, block.key, block.value) = (matrices[0].weight, matrices[1].weight, matrices[2].weight)
        (block.output, block.gate, block.up) = (matrices[3].weight, matrices[4].weight, matrices[5].weight)
        block.down = matrices[6].weight
        let (floats, count) = (Int(ck_page_floats(&shape)), (slots + 15) / 16)
        // Slots that no row has written must not be read.
        (pages, pageFloats) = ((0..<count).map { _ in memory([Float](repeating: .nan, count: floats)) }, floats)
        table = (0..<count).map { Int32($0 * 5 % count) }
        precondition(Set(table).count == count)
    }

    deinit { (vectors + pages).forEach { $0.deallocate() } }

    /// The block with an empty cache.
    func cleared() -> Block {
        for page in pages { page.update(repeating: .nan, count: pageFloats) }
        return self
    }

    /// A token of a sequence: where it is written and which slots it attends to.
    struct Row {
        var position: Int
        var slot: Int
        var prefix: Int
        var ancestors: [Int] = []
    }

    /// The result of every row, of one pass over all of them.
    func run(_ rows: [Row], x: [Float]) -> [[Float]] {
        var y = x
        let ancestors = rows.flatMap(\.ancestors).map(Int32.init)
        table.withUnsafeBufferPointer { table in
            ancestors.withUnsafeBufferPointer { ancestors in
                var start = 0
                let metadata = rows.map { row in
                    defer { start += row.ancestors.count }
                    return ck_row(
                        pages: table.baseAddress, layer_stride: Int64(table.count), slot: Int64(row.slot),
                        position: Int64(row.position), prefix: Int64(row.prefix),
                        ancestors: ancestors.baseAddress.map { $0 + start }, ancestor_count: Int64(row.ancestors.count))
                }
                metadata.withUnsafeBufferPointer { metadata in
                    y.withUnsafeMutableBufferPointer { y in
                        var op = ck_op()
                        (op.kind, op.rows, op.outputs) = (Int32(CK_BLOCK), Int64(rows.count), Int64(rows.count))
                        (op.x, op.y, op.row_table) = (UnsafePointer(y.baseAddress), y.baseAddress, metadata.baseAddress)
                        let status = withUnsafePointer(to: block) { block in
                            op.block = block
                            return ck_run(&shape, pages.map { Optional($0) }, &op, 1)
                        }
                        #expect(status == CK_OK)
                    }
                }
            }
        }
        return rows.indices.map { Array(y[($0 * width)..<(($0 + 1) * width)]) }
    }

    /// The result of tokens that follow each other in the slots 0, 1, 2, ..., one pass for all.
    func chain(_ count: Int, x: [Float]) -> [[Float]] {
        run((0..<count).map { Row(position: $0, slot: $0, prefix: $0) }, x: x)
    }
}

/// The numbers 0 ..< count in another order.
private func permutation(_ count: Int, seed: UInt64) -> [Int] {
    let keys = numbers(count, seed: seed)
    return (0..<count).sorted { keys[$0] < keys[$1] }
}

extension KernelTests {
    @Suite struct AttentionTests {
        private static let shapes = [[2, 1, 10], [4, 2, 16], [3, 3, 32], [2, 2, 64], [1, 1, 300]]

        /// Sums run in the order of the ancestors, so a row does not see the slots that it attends to. Tokens up to
        /// `prefix` are in order, later ones anywhere.
        @Test(arguments: shapes, [CK_F32, CK_INT8])
        func scatteredSlotsGiveTheBitsOfContiguousOnes(shape: [Int], format: Int) {
            let (count, slots) = (53, 96)
            let block = Block(
                attentionHeads: shape[0], keyValueHeads: shape[1], headDimension: shape[2], slots: slots, format: format
            )
            let x = numbers(count * 48, seed: 7)
            onEverySet(threads: [1, 2, 3]) { _ in
                let expected = block.cleared().chain(count, x: x)
                #expect(expected.joined().allSatisfy { $0.isFinite })
                for prefix in [0, 3, 16, 21, 52] {
                    let free = permutation(slots - prefix, seed: UInt64(prefix)).map { $0 + prefix }
                    let rows = (0..<count).map { token in
                        token <= prefix
                            ? Block.Row(position: token, slot: token == prefix ? free[0] : token, prefix: token)
                            : Block.Row(
                                position: token, slot: free[token - prefix], prefix: prefix,
                                ancestors: Array(free[0..<(token - prefix)]))
                    }
                    #expect(block.cleared().run(rows, x: x) == expected, "prefix \(prefix)")
                }
            }
        }

        /// Ancestors may also continue the prefix, as in a chain of drafts.
        @Test(arguments: shapes)
        func aChainOfDraftsGivesTheBitsOfCommittedTokens(shape: [Int]) {
            let count = 39
            let x = numbers(count * 48, seed: 8)
            let block = Block(attentionHeads: shape[0], keyValueHeads: shape[1], headDimension: shape[2], slots: 64)
            onEverySet(threads: [1, 2]) { _ in
                let expected = block.cleared().chain(count, x: x)
                for prefix in [0, 13, 16, 30] {
                    let rows = (0..<count).map { token in
                        Block.Row(
                            position: token, slot: token, prefix: min(token, prefix),
                            ancestors: Array(min(token, prefix)..<token))
                    }
                    #expect(block.cleared().run(rows, x: x) == expected)
                }
            }
        }

        /// Two branches after a common prefix, in one pass, compared with each branch alone.
        @Test func theBranchesOfATreeAreChains() {
            let (prefix, depth) = (21, 7)
            let block = Block(attentionHeads: 4, keyValueHeads: 2, headDimension: 32, slots: 48)
            let x = numbers((prefix + 2 * depth) * 48, seed: 9)
            func part(_ from: Int, _ count: Int) -> [Float] { Array(x[(from * 48)..<((from + count) * 48)]) }
            onEverySet(threads: [1, 2, 3]) { _ in
                let branches = (0..<2).map { branch in
                    block.cleared().chain(prefix + depth, x: part(0, prefix) + part(prefix + branch * depth, depth))
                }
                let whole = block.cleared()
                _ = whole.chain(prefix, x: part(0, prefix))
                // Level by level, as drafts come: a branch has every other slot.
                let rows = (0..<(2 * depth)).map { index in
                    let (level, branch) = (index / 2, index % 2)
                    return Block.Row(
                        position: prefix + level, slot: prefix + index, prefix: prefix,
                        ancestors: (0..<level).map { prefix + 2 * $0 + branch })
                }
                let inputs = (0..<(2 * depth)).flatMap { part(prefix + $0 % 2 * depth + $0 / 2, 1) }
                let results = whole.run(rows, x: inputs)
                for (index, result) in results.enumerated() {
                    #expect(result == branches[index % 2][prefix + index / 2])
                }
            }
        }

        /// A row's result does not depend on the rows of its pass.
        @Test(arguments: shapes)
        func rowsOneByOneGiveTheBitsOfOnePass(shape: [Int]) {
            let count = 35
            let x = numbers(count * 48, seed: 10)
            let block = Block(attentionHeads: shape[0], keyValueHeads: shape[1], headDimension: shape[2], slots: 48)
            onEverySet(threads: [1, 2, 5]) { _ in
                let expected = block.cleared().chain(count, x: x)
                let single = block.cleared()
                for token in 0..<count {
                    let row = Block.Row(position: token, slot: token, prefix: token)
                    #expect(single.run([row], x: Array(x[(token * 48)..<((token + 1) * 48)])) == [expected[token]])
                }
            }
        }
    }
}
