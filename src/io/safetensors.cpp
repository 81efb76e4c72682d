#include "io/safetensors.h"

#include <sha256.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/text.h"
#include "io/json_text.h"

namespace vitro {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

static_assert(std::endian::native == std::endian::little, "elements are copied as they lie in memory");

// The format's own bound on the header.
constexpr uint64_t longest_header = 100'000'000;
const char* const metadata_key = "__metadata__";
const std::string damaged = "the file is damaged or was not written to its end; restore it or make it again";

struct FileType {
  const char* name;
  DType dtype;
};
constexpr FileType file_types[] = {{"F64", DType::f64}, {"F32", DType::f32}, {"I32", DType::i32}, {"U8", DType::u8}};

const char* file_name(DType dtype) {
  return std::find_if(std::begin(file_types), std::end(file_types), [&](const FileType& t) { return t.dtype == dtype; })
      ->name;
}

struct Entry {
  std::string name;
  Type type;
  uint64_t begin, end;
};

// Whole numbers of a JSON array; nothing where one of them is negative, broken or above 2^62.
std::optional<std::vector<int64_t>> counts(const json& array) {
  if (!array.is_array()) return {};
  std::vector<int64_t> out;
  for (const json& number : array) {
    if (!number.is_number_unsigned() || number.get<uint64_t>() > (uint64_t(1) << 62)) return {};
    out.push_back(number.get<int64_t>());
  }
  return out;
}

Entry read_entry(const std::string& name, const json& about, uint64_t data_bytes, const std::string& where) {
  const auto wrong = [&](const std::string& what, const std::string& help = damaged) {
    bad_input(where, text("tensor ", shown(name), " ", what), help);
  };
  if (!about.is_object()) wrong("is described by something else than an object");
  for (const auto& [key, value] : about.items())
    if (key != "dtype" && key != "shape" && key != "data_offsets") wrong(text("has an unknown key ", shown(key)));
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!about.contains(key)) wrong(text("has no \"", key, "\""));

  if (!about["dtype"].is_string()) wrong("has a \"dtype\" that is no text");
  const std::string dtype = about["dtype"].get<std::string>();
  const auto* const known =
      std::find_if(std::begin(file_types), std::end(file_types), [&](const FileType& t) { return t.name == dtype; });
  if (known == std::end(file_types))
    wrong(text("has the dtype ", shown(dtype), ", expected F32, F64, I32 or U8"),
          "convert it first, for example with tensor.float() in PyTorch");

  const auto extents = counts(about["shape"]);
  if (!extents) wrong("has a \"shape\" that is no list of whole numbers from 0 on");
  if (extents->size() > size_t(Shape::max_rank))
    wrong(text("has ", extents->size(), " axes, expected at most ", Shape::max_rank));
  // Zeros are left out of the product, so that [2^40, 2^40, 0] is refused as well.
  int64_t product = bytes_of(known->dtype);
  bool empty = false;
  for (const int64_t extent : *extents) {
    if (extent == 0)
      empty = true;
    else if (__builtin_mul_overflow(product, extent, &product) || product > (int64_t(1) << 62))
      wrong("has a \"shape\" whose product overflows");
  }
  const uint64_t bytes = empty ? 0 : uint64_t(product);

  const auto offsets = counts(about["data_offsets"]);
  if (!offsets || offsets->size() != 2) wrong("has \"data_offsets\" that are not two whole numbers from 0 on");
  const auto begin = uint64_t((*offsets)[0]), end = uint64_t((*offsets)[1]);
  if (begin > end) wrong(text("ends at byte ", end, ", before it begins at ", begin));
  if (end > data_bytes) wrong(text("ends at byte ", end, " of the data, but the file has ", data_bytes));
  const Type type{known->dtype, Shape(*extents)};
  if (end - begin != bytes) wrong(text("is ", type, " of ", bytes, " bytes, but takes up ", end - begin));
  return {name, type, begin, end};
}

// "a", "b", "c" and 7 more
std::string listed(const std::vector<std::string>& names) {
  constexpr size_t most = 6;
  const size_t shown_of = names.size() <= most ? names.size() : most - 1;
  const std::string out = join({names.begin(), names.begin() + std::ptrdiff_t(shown_of)}, ", ");
  return shown_of == names.size() ? out : text(out, " and ", names.size() - shown_of, " more");
}

} // namespace

const Tensor* TensorFile::find(const std::string& name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(), [&](const NamedTensor& t) { return t.name == name; });
  return found == tensors.end() ? nullptr : &found->value;
}

std::vector<uint8_t> write_safetensors(const TensorFile& file, const std::string& where) {
  std::vector<const NamedTensor*> order;
  std::set<std::string> names = {metadata_key};
  for (const NamedTensor& tensor : file.tensors) {
    if (!names.insert(tensor.name).second)
      bad_input(where, text("two tensors are to be called ", shown(tensor.name)), "give each layer a name of its own");
    order.push_back(&tensor);
  }
  std::stable_sort(order.begin(), order.end(), [](const NamedTensor* a, const NamedTensor* b) {
    return bytes_of(a->value.dtype()) > bytes_of(b->value.dtype());
  });

  ordered_json header = ordered_json::object();
  if (!file.metadata.empty()) {
    ordered_json& metadata = header[metadata_key];
    for (const auto& [key, value] : file.metadata) metadata[key] = value;
  }
  int64_t at = 0;
  for (const NamedTensor* tensor : order) {
    const int64_t end = at + tensor->value.type().bytes();
    header[tensor->name] = ordered_json{{"dtype", file_name(tensor->value.dtype())},
                                        {"shape", tensor->value.shape().list()},
                                        {"data_offsets", {at, end}}};
    at = end;
  }
  std::string head;
  try {
    head = header.dump();
  } catch (const json::exception&) {
    bad_input(where, "a name or a text to be written is not UTF-8", "rename it, or save its source as UTF-8");
  }
  head.resize((head.size() + 7) / 8 * 8, ' ');

  std::vector<uint8_t> bytes(8 + head.size() + size_t(at));
  for (size_t i = 0; i < 8; ++i) bytes[i] = uint8_t(uint64_t(head.size()) >> (8 * i));
  std::memcpy(bytes.data() + 8, head.data(), head.size());
  uint8_t* to = bytes.data() + 8 + head.size();
  for (const NamedTensor* tensor : order) {
    const auto size = size_t(tensor->value.type().bytes());
    if (size) std::memcpy(to, tensor->value.view().data, size);
    to += size;
  }
  return bytes;
}

TensorFile read_safetensors(std::span<const uint8_t> bytes, const std::string& where) {
  if (bytes.size() < 8) bad_input(where, text("has ", bytes.size(), " bytes, a safetensors file at least 8"), damaged);
  uint64_t length = 0;
  for (size_t i = 0; i < 8; ++i) length |= uint64_t(bytes[i]) << (8 * i);
  if (length > longest_header)
    bad_input(where, text("claims a header of ", number(double(length)), " bytes, expected at most ", longest_header),
              "is it a safetensors file?");
  if (length > bytes.size() - 8)
    bad_input(where, text("claims a header of ", length, " bytes, but only ", bytes.size() - 8, " follow"), damaged);
  const std::string_view head(reinterpret_cast<const char*>(bytes.data()) + 8, size_t(length));
  const std::span<const uint8_t> data = bytes.subspan(8 + size_t(length));
  if (!head.starts_with('{')) bad_input(where, "has a header that does not begin with {", "is it a safetensors file?");
  check_json(head, where + ", header");
  const json header = json::parse(head);

  TensorFile file;
  std::vector<Entry> entries;
  for (const auto& [name, about] : header.items()) {
    if (name != metadata_key) {
      entries.push_back(read_entry(name, about, data.size(), where));
      continue;
    }
    if (!about.is_object()) bad_input(where, "has \"__metadata__\" that is no object", damaged);
    for (const auto& [key, value] : about.items()) {
      if (!value.is_string()) bad_input(where, text("has metadata ", shown(key), " that is no text"), damaged);
      file.metadata[key] = value.get<std::string>();
    }
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.name) < std::tie(b.begin, b.end, b.name);
  });
  uint64_t at = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != at)
      bad_input(
          where,
          text("tensor ", shown(entry.name), " begins at byte ", entry.begin, " of the data, ",
               entry.begin < at ? "inside the one before, which ends at " : "behind a gap: the one before ends at ",
               at),
          damaged);
    at = entry.end;
  }
  if (at != data.size()) bad_input(where, text("has ", data.size() - at, " bytes behind its last tensor"), damaged);
  for (const Entry& entry : entries) {
    Tensor value(entry.type);
    if (entry.end > entry.begin)
      std::memcpy(value.view().data, data.data() + entry.begin, size_t(entry.end - entry.begin));
    file.tensors.push_back({entry.name, std::move(value)});
  }
  return file;
}

std::vector<NamedTensor> tensors_of(const States& states, const std::vector<std::string>& names) {
  std::vector<NamedTensor> out;
  for (const std::string& name : names) out.push_back({name, states.read(name)});
  return out;
}

void load_states(States& states, const std::vector<std::string>& names, const std::vector<NamedTensor>& tensors,
                 const std::string& where) {
  std::map<std::string, const Tensor*> found;
  for (const NamedTensor& tensor : tensors) found[tensor.name] = &tensor.value;
  std::vector<std::string> missing, left_over, different;
  for (const std::string& name : names) {
    const auto tensor = found.find(name);
    if (tensor == found.end())
      missing.push_back(name);
    else if (tensor->second->type() != states.at(name).type)
      different.push_back(text(name, " (file ", tensor->second->type(), ", net ", states.at(name).type, ")"));
  }
  const std::set<std::string> wanted(names.begin(), names.end());
  for (const auto& [name, tensor] : found)
    if (!wanted.contains(name)) left_over.push_back(name);

  std::vector<std::string> faults;
  if (!missing.empty()) faults.push_back("missing: " + listed(missing));
  if (!left_over.empty()) faults.push_back("left over: " + listed(left_over));
  if (!different.empty()) faults.push_back("different: " + listed(different));
  if (!faults.empty())
    bad_input(where, "holds the weights of another net; " + join(faults, "; "),
              "use the recipe that these weights were trained with");
  for (const std::string& name : names) states.write(name, *found.at(name));
}

std::string weights_sha256(const States& states) {
  SHA2_CTX context;
  SHA256Init(&context);
  const auto add = [&](const void* bytes, size_t size) {
    if (size) SHA256Update(&context, static_cast<const uint8_t*>(bytes), size);
  };
  for (const std::string& name : states.weights()) {
    const Tensor value = states.read(name);
    const std::string type = value.type().str();
    add(name.c_str(), name.size() + 1);
    add(type.c_str(), type.size() + 1);
    add(value.view().data, size_t(value.type().bytes()));
  }
  char hex[SHA256_DIGEST_STRING_LENGTH];
  SHA256End(&context, hex);
  return hex;
}

} // namespace vitro
