module red-png

go 1.18

require (
	github.com/aliyun/aliyun-oss-go-sdk v3.0.2+incompatible
	github.com/aliyun/fc-runtime-go-sdk v0.3.1
)

require golang.org/x/time v0.4.0 // indirect
