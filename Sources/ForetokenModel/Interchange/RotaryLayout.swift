import Torch

/// The two orders in which the rows of query and key projections come: Hugging Face turns the first half of a head against
/// its second (j with j + d/2), Meta and GGUF's Llama turn neighbours (2j with 2j + 1).
enum RotaryLayout {
    /// Rows [H·d, ...] in halves to rows in pairs.
    static func pairs(fromHalves rows: Tensor, headDimension: Int) -> Tensor {
        swapped(rows, [-1, 2, headDimension / 2])
    }

    /// Rows [H·d, ...] in pairs to rows in halves.
    static func halves(fromPairs rows: Tensor, headDimension: Int) -> Tensor {
        swapped(rows, [-1, headDimension / 2, 2])
    }

    private static func swapped(_ rows: Tensor, _ split: [Int]) -> Tensor {
        let (height, rest) = (rows.shape[0], rows.shape.dropFirst().reduce(1, *))
        let swapped = rows.reshaped(split[0], split[1], split[2], rest).transposed(1, 2)
        return rows.rank == 1 ? swapped.reshaped(height) : swapped.reshaped(height, rest)
    }
}
