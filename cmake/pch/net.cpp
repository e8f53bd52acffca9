// The bodies of Asio and Beast, which BOOST_ASIO_SEPARATE_COMPILATION leaves out of the headers.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
