// Every reader of files: whatever the bytes are, it gives what it can prove to be there, or throws
// an IoError. What can be written again must then come back to the bit.
#include <gradtape/autograd/io/csv.hpp>
#include <gradtape/autograd/io/csv_table.hpp>
#include <gradtape/autograd/io/file.hpp>
#include <gradtape/autograd/io/gzip.hpp>
#include <gradtape/autograd/io/idx.hpp>
#include <gradtape/autograd/io/npy.hpp>
#include <gradtape/autograd/io/npz.hpp>
#include <gradtape/autograd/io/safetensors.hpp>
#include <gradtape/autograd/io/zip.hpp>
#include <gradtape/nn/data/text.hpp>
#include <gradtape/nn/linear.hpp>
#include <gradtape/optim/adam.hpp>
#include <gradtape/optim/checkpoint.hpp>
#include <gradtape/optim/run_log.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "fuzz/fuzz.hpp"
#include "support/files.hpp"

namespace gradtape::fuzz {
namespace {

const testing::TemporaryFolder& folder() {
  static const testing::TemporaryFolder one;
  return one;
}

/// While it lives, compressed files inflate to at most a megabyte.
struct InflateLimit {
  InflateLimit() { set_inflate_limit(1 << 20); }
  ~InflateLimit() { set_inflate_limit(0); }
};

/// Whether read(path) takes a file of these bytes.
bool reads(const std::string& name, std::string_view bytes,
           const std::function<void(const std::string&)>& read) {
  const InflateLimit limit;
  const auto path = folder().file(name, bytes);
  return accepts([&] { read(path); });
}

void examine(const std::map<std::string, Tensor>& tensors) {
  for (const auto& [name, x] : tensors) fuzz::examine(x);
}

bool identical(const std::map<std::string, Tensor>& a, const std::map<std::string, Tensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && fuzz::identical(x.second, y.second);
  });
}

}  // namespace

void fuzz_npy(Input input) {
  reads("x.npy", text(input), [](const std::string& path) {
    const Tensor x = load_npy(path);
    examine(x);
    save_npy(path, x);
    require(identical(load_npy(path), x), "an array comes back from its file");
  });
}

void fuzz_npz(Input input) {
  reads("x.npz", text(input), [](const std::string& path) {
    const auto arrays = load_npz(path);
    examine(arrays);
    for (const bool compress : {false, true}) {
      save_npz(path, arrays, {.compress = compress});
      require(identical(load_npz(path), arrays), "arrays come back from their file");
    }
  });
}

void fuzz_zip(Input input) {
  const InflateLimit limit;
  const auto archive = text(input);
  accepts([&] {
    const detail::Origin origin{"fuzz", "archive"};
    for (const auto& member : detail::zip_directory(archive, origin))
      accepts([&] {
        std::string storage;
        const auto bytes = detail::zip_member(archive, member, storage, origin);
        require(bytes.size() == member.size, "a member has the size that is listed");
        require(detail::crc32(bytes) == member.crc, "a member has the checksum that is listed");
      });
  });
}

void fuzz_gzip(Input input) {
  const InflateLimit limit;
  accepts([&] {
    const std::string bytes = detail::gunzip(text(input), {"fuzz", "file"});
    require(bytes.size() <= 1 << 20, "a file inflates to the limit at most");
    require(detail::gunzip(testing::gzipped(bytes), {"fuzz", "file"}) == bytes,
            "what is compressed again comes back");
  });
  // The same as a text to compress.
  require(detail::gunzip(testing::gzipped(text(input)), {"fuzz", "file"}) == text(input),
          "what is compressed comes back");
}

void fuzz_safetensors(Input input) {
  reads("x.safetensors", text(input), [](const std::string& path) {
    const auto tensors = load_safetensors(path);
    examine(tensors);
    for (const auto& [name, cause] : tensors.unreadable)
      require(!tensors.contains(name) && !cause.empty(), "what cannot be held has a cause");
    const auto metadata = load_safetensors_metadata(path);
    save_safetensors(path, tensors, {.metadata = metadata});
    require(identical(load_safetensors(path), tensors), "tensors come back from their file");
    require(load_safetensors_metadata(path) == metadata, "texts come back from their file");
  });
}

void fuzz_csv(Input input) {
  for (const auto dtype : {float32, float64, int64})
    for (const bool header : {false, true})
      reads("x.csv", text(input), [&](const std::string& path) {
        const Tensor x = load_csv(path, {.header = header, .dtype = dtype});
        require(x.ndim() == 2 && x.dtype() == dtype, "a table is a matrix of its dtype");
        examine(x);
      });
}

void fuzz_csv_table(Input input) {
  const auto examine_table = [](const CsvTable& table) {
    for (const auto& column : table.columns) {
      require(column.values.shape() == Shape{table.size()}, "columns have one length");
      require(&table[column.name] == &column, "names tell columns apart");
      examine(column.values);
      if (column.categories.empty()) continue;
      require(std::is_sorted(column.categories.begin(), column.categories.end()),
              "categories are sorted");
      for (const auto i : column.values.values<std::int64_t>())
        (void)column.categories.at(static_cast<std::size_t>(i));
    }
  };
  for (const auto& options :
       {CsvTableOptions{}, CsvTableOptions{.text = {"a"}, .integers = {"b"}},
        CsvTableOptions{.text = {"a", "b"}, .delimiter = ';', .names = {"a", "b"}}})
    reads("x.csv", text(input),
          [&](const std::string& path) { examine_table(load_csv_table(path, options)); });
}

void fuzz_idx(Input input) {
  for (const auto dtype : {float32, float64, int64})
    reads("x.idx", text(input), [&](const std::string& path) {
      const Tensor x = load_idx(path, {.dtype = dtype});
      require(x.dtype() == dtype, "the dtype is that asked for");
      examine(x);
    });
}

void fuzz_text(Input input) {
  const std::string bytes(text(input));
  for (const bool characters : {false, true})
    accepts([&] {
      using nn::data::Vocabulary;
      const auto vocabulary = characters ? Vocabulary::characters(bytes) : Vocabulary::bytes();
      const Tensor tokens = vocabulary.encode(bytes);
      examine(tokens);
      require(vocabulary.decode(tokens) == bytes, "a text comes back from its tokens");
      const auto everything = vocabulary.decode(arange(vocabulary.size()));
      require(!characters || Vocabulary::characters(everything).size() == vocabulary.size(),
              "the tokens are a text with the same tokens");
    });
}

namespace {

/// What a run saves; parts of it refuse states that do not fit.
struct Run {
  explicit Run(const std::string& path) : checkpoint(path) {
    checkpoint.track("model", model);
    checkpoint.track("adam", adam);
    checkpoint.track("generator", generator);
    checkpoint.track("epoch", epoch);
    checkpoint.track("rate", rate);
  }
  StateDict state() const {
    StateDict all{{"epoch", state_entry(std::int64_t{epoch})}, {"rate", state_entry(rate)}};
    add_part(all, "model", model.state_dict());
    add_part(all, "adam", adam.state_dict());
    add_part(all, "generator", generator.state_dict());
    return all;
  }
  Generator generator{3};
  nn::Linear model{2, 1, {.generator = generator}};
  optim::Adam adam{model.parameters()};
  std::int8_t epoch = 0;
  double rate = 1;
  optim::Checkpoint checkpoint;
};

/// Something else, saved as a checkpoint with the right checksums: entry "part.name" of a state.
struct Forged {
  StateDict state;
  StateDict state_dict() const { return state; }
  void load_state_dict(const StateDict&) {}
};
void forge(const std::string& path, const StateDict& whole) {
  optim::Checkpoint checkpoint(path);
  std::map<std::string, Forged> parts;
  for (const auto& [name, value] : whole) {
    const auto dot = name.find('.');
    if (dot != name.npos) parts[name.substr(0, dot)].state[name.substr(dot + 1)] = value;
  }
  for (auto& [name, part] : parts) checkpoint.track(name, part);
  checkpoint.save();
}

}  // namespace

void fuzz_checkpoint(Input input) {
  reads("run.safetensors", text(input), [](const std::string& path) {
    const auto whole = load_safetensors(path);
    for (const bool forged : {false, true})
      accepts([&] {
        if (forged) forge(path, whole);
        for (const bool strict : {true, false}) {
          Run run(path);
          const auto before = run.state();
          if (accepts([&] { run.checkpoint.load({.strict = strict}); })) {
            examine(run.state());
            const auto loaded = run.state();
            run.checkpoint.save();
            Run next(path);
            next.checkpoint.load();
            require(identical(next.state(), loaded), "a run comes back from its checkpoint");
            if (forged) forge(path, whole);
          } else {
            require(identical(run.state(), before), "a checkpoint loads whole or not at all");
          }
        }
      });
  });
}

void fuzz_run_log(Input input) {
  for (const auto* name : {"run.csv", "run.jsonl"})
    reads(name, text(input), [&](const std::string& path) {
      const auto records = optim::load_log(path);
      accepts([&] { (void)optim::learning_curve(records); });
      // Written again, steps, epochs and values come back; the times are those of the writing.
      const auto copy = folder().path(std::string("copy of ") + name);
      std::vector<optim::LogRecord> again;
      const bool written = !records.empty() && accepts([&] {
        optim::RunLog log(copy);
        for (const auto& record : records) log.write(record.step, record.epoch, record.values);
        again = optim::load_log(copy);
      });
      if (!written) return;
      require(again.size() == records.size(), "as many records come back as were written");
      for (std::size_t i = 0; i < records.size(); ++i) {
        require(again[i].step == records[i].step && again[i].epoch == records[i].epoch,
                "steps and epochs come back");
        for (const auto& value : records[i].values) {
          const auto found = std::find_if(again[i].values.begin(), again[i].values.end(),
                                          [&](const auto& v) { return v.first == value.first; });
          require(found != again[i].values.end(), "names come back");
          require(found->second == value.second ||
                      (std::isnan(found->second) && std::isnan(value.second)),
                  "values come back");
        }
      }
    });
}

}  // namespace gradtape::fuzz
