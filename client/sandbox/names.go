package sandbox

import "strings"

// name is a part of a person's name, as it is written and as usernames have it.
type name struct{ written, plain string }

// culture is where first and last names go together.
type culture struct{ first, last []name }

// namesOf reads names; one that does not become a username by lower case alone
// is followed by = and what does.
func namesOf(list string) []name {
	var all []name
	for _, field := range strings.Fields(list) {
		written, plain, given := strings.Cut(field, "=")
		if !given {
			plain = strings.ToLower(written)
		}
		all = append(all, name{written, plain})
	}
	return all
}

var names = []culture{
	{
		namesOf("Alice Benjamin Charlotte Daniel Emily George Hannah James Olivia Thomas"),
		namesOf("Baker Clarke Evans Hughes Murphy O'Connor=oconnor Taylor Walker Wilson Wright"),
	},
	{
		namesOf("Ana Beatriz Caio Gabriela João=joao Larissa Luís=luis Marina Rafael Thiago"),
		namesOf("Almeida Barbosa Carvalho Conceição=conceicao Ferreira Gonçalves=goncalves Oliveira Ribeiro Silva Souza"),
	},
	{
		namesOf("Alejandra Andrés=andres Carlos Elena Íñigo=inigo Javier José=jose Lucía=lucia Nuria Sofía=sofia"),
		namesOf("Álvarez=alvarez Castillo Fernández=fernandez García=garcia Ibáñez=ibanez López=lopez Morales Muñoz=munoz Rojas Vega"),
	},
	{
		namesOf("Anke Björn=bjoern Felix Greta Jürgen=juergen Katharina Lukas Marie Sören=soeren Ute"),
		namesOf("Bauer Fuchs Groß=gross Hoffmann Jäger=jaeger Köhler=koehler Müller=mueller Schäfer=schaefer Schmidt Weiß=weiss"),
	},
	{
		namesOf("Aurélie=aurelie Camille Étienne=etienne François=francois Hélène=helene Julien Léa=lea Mathieu Noémie=noemie Zoé=zoe"),
		namesOf("Bernard Chevalier Dubois Fontaine Lefèvre=lefevre Mercier Moreau Petit Rousseau Vasseur"),
	},
	{
		namesOf("Agnieszka Bartłomiej=bartlomiej Ewa Jakub Łukasz=lukasz Małgorzata=malgorzata Piotr Stanisław=stanislaw Wojciech Zofia"),
		namesOf("Dąbrowski=dabrowski Jabłoński=jablonski Kamiński=kaminski Kowalczyk Lis Mazur Nowak Szczepański=szczepanski Wójcik=wojcik Zając=zajac"),
	},
	{
		namesOf("Åsa=asa Astrid Erik Freja Håkon=hakon Ingrid Lars Maja Øystein=oystein Søren=soren"),
		namesOf("Andersson Bjørnstad=bjornstad Dahl Eriksson Hansen Lindqvist Nygård=nygard Nyström=nystrom Sørensen=sorensen Virtanen"),
	},
	{
		namesOf("Андрей=andrey Галина=galina Дмитрий=dmitry Екатерина=ekaterina Максим=maksim Ольга=olga Сергей=sergey Юлия=yulia"),
		namesOf("Волков=volkov Иваненко=ivanenko Ковальчук=kovalchuk Мельник=melnyk Морозов=morozov Петренко=petrenko Шевченко=shevchenko"),
	},
	{
		namesOf("Aarav Ananya Diya Ishaan Kavya Meera Priya Rohan Sanjay Vikram"),
		namesOf("Banerjee Chatterjee Gupta Iyer Kapoor Mehta Patel Reddy Sharma Singh"),
	},
	{
		namesOf("伟=wei 芳=fang 娜=na 秀英=xiuying 敏=min 静=jing 磊=lei 洋=yang"),
		namesOf("王=wang 李=li 张=zhang 刘=liu 陈=chen 杨=yang 黄=huang 赵=zhao"),
	},
	{
		namesOf("陽菜=haruna 美咲=misaki さくら=sakura 健太=kenta 翔=sho 大輔=daisuke 直樹=naoki 由美子=yumiko"),
		namesOf("佐藤=sato 鈴木=suzuki 高橋=takahashi 田中=tanaka 渡辺=watanabe 伊藤=ito 山本=yamamoto 中村=nakamura"),
	},
	{
		namesOf("Ahmed Fatima Hassan Khadija Layla Mariam Omar Salma Yusuf Zaynab"),
		namesOf("Al-Farsi Aziz Bensalah El-Masri Haddad Khalil Mansour Nasser Saleh Zidan"),
	},
	{
		namesOf("Abena Adebayo Amara Chidi Kwame Ngozi Nia Sipho Thandiwe Wanjiru"),
		namesOf("Adeyemi Boateng Dlamini Kamau Mensah Mokoena Mwangi Nkosi Okafor Owusu"),
	},
	{
		namesOf("An Bảo=bao Dũng=dung Hương=huong Linh Minh Ngọc=ngoc Quân=quan Thảo=thao Tuấn=tuan"),
		namesOf("Bùi=bui Đặng=dang Đỗ=do Hoàng=hoang Huỳnh=huynh Lê=le Nguyễn=nguyen Phạm=pham Trần=tran Vũ=vu"),
	},
}
