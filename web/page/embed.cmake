# cmake -DOUTPUT=assets.cpp -DFOLDER=dir "-DFILES=a;b" -P embed.cmake: writes find_asset of assets.hpp.
set(type_html "text/html; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_json "application/json")
set(type_svg "image/svg+xml")

set(arrays "")
set(rows "")
set(count 0)
foreach(file IN LISTS FILES)
  file(READ "${FOLDER}/${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  file(SHA256 "${FOLDER}/${file}" hash)
  string(SUBSTRING "${hash}" 0 24 tag)
  string(REGEX REPLACE "^.*\\." "" extension "${file}")
  string(APPEND arrays "const unsigned char bytes_${count}[] = {${bytes}};\n")
  get_filename_component(name "${file}" NAME)
  set(path "/${name}")
  if(file STREQUAL "index.html")
    set(path "/")
  endif()
  string(APPEND rows
    "    {\"${path}\", \"${type_${extension}}\", \"\\\"${tag}\\\"\", text(bytes_${count}, sizeof bytes_${count})},\n")
  math(EXPR count "${count} + 1")
endforeach()

file(WRITE "${OUTPUT}" "#include \"web/page/assets.hpp\"

namespace artham::web {
namespace {

${arrays}
std::string_view text(const unsigned char* bytes, std::size_t size) {
  return {reinterpret_cast<const char*>(bytes), size};
}

const asset assets[] = {
${rows}};

}  // namespace

const asset* find_asset(std::string_view path) {
  for (const asset& a : assets)
    if (a.path == path) return &a;
  return nullptr;
}

}  // namespace artham::web
")
